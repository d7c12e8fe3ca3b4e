import type { Clock } from '../clock.ts';
import type { Conversation } from '../conversation.ts';
import { isUnsent } from '../outbox.ts';
import { texts } from '../texts.ts';
import { timeOfDay, wholeTime } from '../times.ts';
import { Icon } from './Icon.tsx';
import { useSecondsUntil } from './seconds.ts';

/** The state of the connection in a word, always in sight; opens the details. */
export function ConnectionWord({ conversation }: { conversation: Conversation }) {
  const { tone, text } = connectionWord(conversation);
  return (
    <>
      <button type="button" class="connection" data-tone={tone} popovertarget="connection">
        <span class="dot" aria-hidden="true" />
        {text}
      </button>
      {/* Not in the button: what stands in a button is its name, and nothing in there is announced. */}
      <span class="hidden-words" role="status">
        {text}
      </span>
    </>
  );
}

function connectionWord({ link, room }: Conversation): { tone: 'good' | 'busy' | 'bad'; text: string } {
  switch (link.value.state) {
    case 'connecting':
      return { tone: 'busy', text: texts.connecting };
    case 'connected':
      return room.value.phase === 'open' ? { tone: 'good', text: texts.connected } : { tone: 'busy', text: texts.catchingUp };
    case 'waiting':
      return { tone: 'bad', text: navigator.onLine ? texts.notConnected : texts.offline };
    case 'ended':
      return { tone: 'bad', text: texts.leftHere };
  }
}

/** Who am I, since when connected, up to which event, what waits, how far away is the server. */
export function ConnectionDetails({ conversation }: { conversation: Conversation }) {
  const { me, link, room, outgoing, roundTripMs, serverVersion } = conversation;
  const unsent = outgoing.value.entries.filter(isUnsent).length;
  const since = link.value.state === 'connected' ? link.value.since : undefined;
  const measure = (event: { newState: string }) => {
    if (event.newState === 'open' && since !== undefined) conversation.doubt();
  };
  return (
    <div id="connection" class="panel" popover="auto" role="dialog" aria-label={texts.details} onToggle={measure}>
      <dl>
        <dt>{texts.youAre}</dt>
        <dd>
          <bdi>{me.name}</bdi>
        </dd>
        <dt>{texts.connectedSince}</dt>
        <dd title={since === undefined ? undefined : wholeTime(since)}>
          {since === undefined ? texts.notConnected : timeOfDay(since)}
        </dd>
        <dt>{texts.upTo}</dt>
        <dd>{texts.eventNumber(room.value.cursor)}</dd>
        <dt>{texts.waitingHere}</dt>
        <dd>{unsent === 0 ? texts.nothingWaits : texts.messagesWait(unsent)}</dd>
        <dt>{texts.roundTrip}</dt>
        <dd>
          {since === undefined ? '–' : roundTripMs.value === undefined ? texts.measuring : texts.milliseconds(roundTripMs.value)}
        </dd>
        {serverVersion.value && (
          <>
            <dt>{texts.server}</dt>
            <dd>{`${texts.product} ${serverVersion.value}`}</dd>
          </>
        )}
      </dl>
      <p class="trust">
        <Icon name="lock" /> {texts.trust}
      </p>
    </div>
  );
}

/** What holds words back and for how long, next to where they are written. Nothing when all is well. */
export function Banner({ conversation }: { conversation: Conversation }) {
  const { link, outgoing } = conversation;
  const unsent = outgoing.value.entries.filter(isUnsent).length;
  const halt = outgoing.value.halt;
  if (link.value.state === 'waiting') return <Waiting conversation={conversation} {...link.value} unsent={unsent} />;
  if (halt) return <Halted {...halt} unsent={unsent} clock={conversation.clock} />;
  if (outgoing.value.isRefused && unsent > 0) return <Refused unsent={unsent} />;
  return null;
}

type WaitingProps = { conversation: Conversation; until: number; why: 'lost' | 'restarting'; unsent: number };

function Waiting({ conversation, until, why, unsent }: WaitingProps) {
  const seconds = useSecondsUntil(until, conversation.clock);
  const happened = navigator.onLine ? (why === 'restarting' ? texts.restarting : texts.lost) : texts.offlineSentence;
  return (
    <div class="banner" data-tone="bad">
      <Icon name="alert" />
      <p>
        <span role="status">
          {happened} {unsent > 0 && texts.waitingToBeSent(unsent)}
        </span>{' '}
        <span class="countdown" role="timer">
          {texts.reconnectingIn(seconds)}
        </span>
      </p>
      <button type="button" onClick={conversation.reconnect}>
        {texts.tryNow}
      </button>
    </div>
  );
}

function Halted({ until, sentence, unsent, clock }: { until: number; sentence: string; unsent: number; clock: Clock }) {
  const seconds = useSecondsUntil(until, clock);
  return (
    <div class="banner" data-tone="halted">
      <Icon name="clock" />
      <p>
        <span role="alert">{sentence}</span>{' '}
        <span class="countdown" role="timer">
          {unsent > 0 ? texts.waitingFor(unsent, seconds) : texts.youMaySendIn(seconds)}
        </span>
      </p>
    </div>
  );
}

function Refused({ unsent }: { unsent: number }) {
  return (
    <div class="banner" data-tone="bad">
      <Icon name="alert" />
      <p role="status">
        {texts.notTaken} {texts.waitingToBeSent(unsent)}
      </p>
    </div>
  );
}

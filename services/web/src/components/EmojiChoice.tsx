import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { aboutEmoji, EMOJI, type Emoji, findEmoji, type Group, inTone, type Tone } from '../emoji.ts';
import { afterUsing, keepEmojiMemory, readEmojiMemory } from '../emojiMemory.ts';
import { texts } from '../texts.ts';

const MOST_FOUND = 160;
const TONES: readonly Tone[] = [0, 1, 2, 3, 4, 5];
/** What stands for a group, and for those used lately. */
const SIGNS: Readonly<Record<Group | 'recent', string>> = {
  recent: '🕘',
  smileys: '😀',
  people: '👋',
  nature: '🐻',
  food: '🍔',
  activities: '⚽',
  travel: '✈️',
  objects: '💡',
  symbols: '❤️',
  flags: '🏁',
};
const GROUPS = Object.keys(SIGNS) as (Group | 'recent')[];

/** An emoji in the tone that is shown. The key outlives a change of the tone, and so does the focus on it. */
type Shown = { emoji: string; name: string; key: string };

type Props = { userId: string; choose: (emoji: string) => void };

/** Emoji by what they show, by group, and those used lately. */
export function EmojiChoice({ userId, choose }: Props) {
  const memory = useSignal(readEmojiMemory(userId));
  const typed = useSignal('');
  const group = useSignal<Group | 'recent'>(memory.value.recent.length > 0 ? 'recent' : 'smileys');
  const named = useSignal<Shown | undefined>(undefined);
  const { recent, tone } = memory.value;
  const isSearching = typed.value.trim() !== '';
  const shown = isSearching ? toned(findEmoji(typed.value, MOST_FOUND), tone) : inGroup(group.value, recent, tone);
  const title = isSearching ? texts.emojiFound(shown.length) : titleOf(group.value);

  const use = ({ emoji }: Shown) => {
    keepEmojiMemory(userId, afterUsing(memory.value, emoji));
    choose(emoji);
  };
  const chooseTone = (next: Tone) => {
    memory.value = { ...memory.value, tone: next };
    keepEmojiMemory(userId, memory.value);
  };
  return (
    <>
      <SearchField
        search={(text) => {
          typed.value = text;
        }}
        useFirst={() => {
          const [first] = shown;
          if (isSearching && first) use(first);
        }}
      />
      <div class="emoji-groups" role="toolbar" aria-label={texts.emoji} onKeyDown={(event) => moveFocus(event, 0)}>
        {GROUPS.filter((each) => each !== 'recent' || recent.length > 0).map((each) => (
          <button
            key={each}
            type="button"
            aria-pressed={!isSearching && each === group.value}
            aria-label={titleOf(each)}
            title={titleOf(each)}
            tabIndex={each === group.value ? 0 : -1}
            onClick={() => {
              group.value = each;
              typed.value = '';
            }}
          >
            {SIGNS[each]}
          </button>
        ))}
      </div>
      <p class="emoji-title" role="status">
        {isSearching && shown.length === 0 ? texts.noEmoji : title}
      </p>
      <Grid
        key={isSearching ? typed.value : group.value}
        shown={shown}
        title={title}
        use={use}
        name={(each) => {
          named.value = each;
        }}
      />
      <div class="emoji-foot">
        <p class="emoji-name" aria-hidden="true">
          {named.value && `:${named.value.name}:`}
        </p>
        <ToneChoice tone={tone} choose={chooseTone} />
      </div>
    </>
  );
}

function SearchField({ search, useFirst }: { search: (text: string) => void; useFirst: () => void }) {
  const field = useRef<HTMLInputElement | null>(null);
  // On a phone the keyboard would cover what is to be looked at.
  useEffect(() => {
    if (matchMedia('(pointer: fine)').matches) field.current?.focus();
  }, []);
  return (
    <input
      ref={field}
      class="emoji-search"
      type="search"
      aria-label={texts.searchEmoji}
      placeholder={texts.searchEmoji}
      autocomplete="off"
      spellcheck={false}
      dir="auto"
      onInput={(event) => search(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.isComposing) return;
        if (event.key === 'Enter') useFirst();
        else if (event.key === 'ArrowDown') firstOf(event.currentTarget.parentElement)?.focus();
        else return;
        event.preventDefault();
      }}
    />
  );
}

type GridProps = { shown: readonly Shown[]; title: string; use: (each: Shown) => void; name: (each: Shown) => void };

/** One stop for the Tab key; the arrow keys go through it as it is seen. */
function Grid({ shown, title, use, name }: GridProps) {
  const current = useSignal(0);
  return (
    <div
      class="emoji-grid"
      role="toolbar"
      aria-label={title}
      onKeyDown={(event) => moveFocus(event, columnsOf(event.currentTarget))}
    >
      {shown.map((each, index) => (
        <button
          key={each.key}
          type="button"
          aria-label={each.name.replaceAll('_', ' ')}
          title={`:${each.name}:`}
          tabIndex={index === current.value ? 0 : -1}
          onClick={() => use(each)}
          onPointerEnter={() => name(each)}
          onFocus={() => {
            current.value = index;
            name(each);
          }}
        >
          {each.emoji}
        </button>
      ))}
    </div>
  );
}

function ToneChoice({ tone, choose }: { tone: Tone; choose: (tone: Tone) => void }) {
  return (
    <div class="emoji-tones" role="toolbar" aria-label={texts.skinTone} onKeyDown={(event) => moveFocus(event, 0)}>
      {TONES.map((each) => (
        <button
          key={each}
          type="button"
          aria-pressed={each === tone}
          aria-label={texts.skinTones[each] ?? ''}
          title={texts.skinTones[each] ?? ''}
          data-tone={each}
          tabIndex={each === tone ? 0 : -1}
          onClick={() => choose(each)}
        />
      ))}
    </div>
  );
}

const titleOf = (group: Group | 'recent') => (group === 'recent' ? texts.recentEmoji : texts.emojiGroups[group]);

function inGroup(group: Group | 'recent', recent: readonly string[], tone: Tone): Shown[] {
  if (group !== 'recent') return toned(EMOJI[group], tone);
  return recent.map((emoji) => ({ emoji, name: aboutEmoji(emoji)?.names[0] ?? emoji, key: emoji }));
}

function toned(entries: readonly Emoji[], tone: Tone): Shown[] {
  return entries.map((entry) => ({ emoji: inTone(entry, tone), name: entry.names[0] ?? entry.emoji, key: entry.emoji }));
}

/** Arrow keys, Home and End among the buttons, which stand in one row if there are no columns; up from the first row leads to the field. */
function moveFocus(event: KeyboardEvent & { currentTarget: HTMLElement }, columns: number) {
  const buttons = [...event.currentTarget.querySelectorAll('button')];
  const current = buttons.findIndex((button) => button.matches(':focus'));
  const isRightToLeft = getComputedStyle(event.currentTarget).direction === 'rtl';
  const forward = isRightToLeft ? -1 : 1;
  const next = {
    ArrowRight: current + forward,
    ArrowLeft: current - forward,
    ArrowDown: current + columns,
    ArrowUp: current - columns,
    Home: 0,
    End: buttons.length - 1,
  }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  if (next >= 0) buttons[Math.min(next, buttons.length - 1)]?.focus();
  else if (event.key === 'ArrowUp') event.currentTarget.parentElement?.querySelector('input')?.focus();
}

function columnsOf(grid: HTMLElement): number {
  const [first, ...others] = [...grid.querySelectorAll('button')];
  const next = others.findIndex((button) => button.offsetTop !== first?.offsetTop);
  return next === -1 ? others.length + 1 : next + 1;
}

function firstOf(picker: HTMLElement | null): HTMLButtonElement | null | undefined {
  return picker?.querySelector<HTMLButtonElement>('.emoji-grid button');
}

/** What auth writes to its log about people: who came, who went, who was refused. Never a password, a cookie or a typed name. */
import { atMost, type Log } from '@securechat/shared/log';

/** Attacks come by the thousand a second; a log that tells of ten of them each second tells enough. */
const REFUSALS_PER_SECOND = 10;

export type Refusal = { reason: string; address: string; userId?: string | undefined };
export type Journal = {
  /** Something that an account's owner may later ask about. */
  event(name: string, fields: { userId?: string | undefined; address?: string }): void;
  refusal(refusal: Refusal): void;
};

export function createJournal(log: Log): Journal {
  return {
    event: (name, fields) => log.info(fields, name),
    refusal: atMost<Refusal>(REFUSALS_PER_SECOND, (suppressed, fields) =>
      log.warn(suppressed === 0 ? fields : { ...fields, suppressed }, 'refused'),
    ),
  };
}

/** Points in time as the reader's language and zone write them. */
import { locale } from './texts.ts';

const clock = written({ hour: '2-digit', minute: '2-digit' });
const day = written({ weekday: 'long', day: 'numeric', month: 'long' });
const dayOfYear = written({ dateStyle: 'long' });
const whole = written({ dateStyle: 'full', timeStyle: 'medium' });

/** The time of day, such as 21:40. */
export const timeOfDay = (at: number): string => clock(at);

/** Everything about a point in time, for a title. */
export const wholeTime = (at: number): string => whole(at);

/** The day of a point in time: today, yesterday, or its date. */
export function dayOf(at: number, now: number): string {
  const days = Math.round((startOfDay(at) - startOfDay(now)) / 86_400_000);
  if (days === 0 || days === -1) {
    return capitalized(new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }).format(days, 'day'));
  }
  return new Date(at).getFullYear() === new Date(now).getFullYear() ? day(at) : dayOfYear(at);
}

/** Writes times in the language that is spoken at that moment; making the formatter is the slow part, so it is kept. */
function written(options: Intl.DateTimeFormatOptions): (at: number) => string {
  let format: Intl.DateTimeFormat | undefined;
  let made = '';
  return (at) => {
    if (!format || made !== locale()) {
      made = locale();
      format = new Intl.DateTimeFormat(made, options);
    }
    return format.format(at);
  };
}

function startOfDay(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}

function capitalized(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

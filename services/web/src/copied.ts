/** What is put on the clipboard when somebody selects over several messages: who said it, when, and the words. */

export type Said = { seq: number; name: string; time: string; text: string };

/** The messages as plain text: a line with name and time where the speaker or the minute changes, then the words. */
export function asPlainText(all: readonly Said[]): string {
  const paragraphs: string[] = [];
  let head = '';
  for (const { name, time, text } of all) {
    const next = `${name}, ${time}`;
    if (next === head) paragraphs.push(text);
    else paragraphs.push(`${paragraphs.length > 0 ? '\n' : ''}${next}\n${text}`);
    head = next;
  }
  return paragraphs.join('\n');
}

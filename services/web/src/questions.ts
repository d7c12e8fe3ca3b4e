/** What is opened in front of the conversation: one thing at a time, whoever opens it. It outlives a change of language. */
import { signal } from '@preact/signals';

export type Question = { is: 'leave' } | { is: 'keys' } | { is: 'settings' } | { is: 'go' } | { is: 'person'; id: string };

export const question = signal<Question | undefined>(undefined);

/** Opens something in place of what was open. */
export function ask(next: Question): void {
  question.value = next;
}

/** Closes a question, unless another one took its place already. */
export function closeQuestion(asked: Question): void {
  if (question.value === asked) question.value = undefined;
}

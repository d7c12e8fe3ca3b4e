/** What the words in the field are for. It outlives a change of language. */
import { signal } from '@preact/signals';
import type { Message } from './roomState.ts';

/** `text` is what became of the message's words so far, where the field itself did not last. */
export type Purpose = { is: 'say' } | { is: 'reply'; to: Message } | { is: 'edit'; message: Message; text?: string };

export const purpose = signal<Purpose>({ is: 'say' });

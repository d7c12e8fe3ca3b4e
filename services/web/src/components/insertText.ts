/**
 * Puts words in place of a part of a field, as if they had been typed there: the field tells of the input, and undo takes
 * them back.
 */
export function insertText(
  field: HTMLTextAreaElement,
  words: string,
  start = field.selectionStart,
  end = field.selectionEnd,
): void {
  field.focus();
  field.setSelectionRange(start, end);
  // Setting the value would empty the field's undo history; nothing but this command adds to it.
  if (document.execCommand('insertText', false, words)) return;
  field.setRangeText(words, start, end, 'end');
  field.dispatchEvent(new InputEvent('input', { bubbles: true, inputType: 'insertText' }));
}

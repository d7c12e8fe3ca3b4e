import assert from 'node:assert/strict';
import { test } from 'node:test';
import { iconFor, titleFor } from './title.ts';

test('the title counts what was not read, and says when there may be more', () => {
  assert.equal(titleFor(0, false), 'general – SecureChat');
  assert.equal(titleFor(3, false), '(3) general – SecureChat');
  assert.equal(titleFor(50, true), '(50+) general – SecureChat');
});

test('the icon carries the number as long as one can read it', () => {
  const drawn = (count: number) => decodeURIComponent(iconFor(count));
  assert.ok(!drawn(0).includes('<text'));
  assert.match(drawn(7), />7<\/text>/);
  assert.match(drawn(120), />9\+<\/text>/);
  assert.match(iconFor(7), /^data:image\/svg\+xml,%3Csvg/);
});

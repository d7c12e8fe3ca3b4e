import assert from 'node:assert/strict';
import test from 'node:test';
import { countingHasher } from './auth.fixture.ts';
import { bcryptHasher, createPasswords, type Hasher } from './passwords.ts';

test('a password of 8 to 256 characters is good, whatever it is made of', async () => {
  const { findFault } = createPasswords(countingHasher());
  for (const good of [
    'a tulip in the rain',
    'äöüßéñçø',
    '        ',
    '🌷🌷🌷🌷🌷🌷🌷🌷',
    'x'.repeat(256),
    '🌷'.repeat(256),
    'nul\u0000 inside',
  ]) {
    assert.equal(findFault(good, 'alice'), undefined, good);
  }
});

test('a password that is short, long, broken, common or the name is refused with what to change', async () => {
  const { findFault } = createPasswords(countingHasher());
  const faults: [string, RegExp][] = [
    ['', /at least 8/],
    ['1234567', /at least 8/],
    ['🌷🌷🌷🌷🌷🌷🌷', /at least 8/],
    ['x'.repeat(257), /at most 256/],
    ['x'.repeat(60_000), /at most 256/],
    ['password', /attackers/],
    ['PassWord', /attackers/],
    ['qwertyuiop', /attackers/],
    ['alice-in-wonder', /not your username/],
    ['ALICE-in-wonder', /not your username/],
    ['\ud800 and the rest', /broken/],
  ];
  for (const [password, reason] of faults) assert.match(findFault(password, 'Alice-In-Wonder') ?? 'no fault', reason);
});

test('every character counts: beyond 72 bytes, behind a zero byte, and composed or not', async () => {
  const passwords = createPasswords();
  const long = `${'a'.repeat(100)}1`;
  const hash = await passwords.hash(`${long}\u0000é`);
  assert.match(String(hash), /^\$2b\$12\$/);
  assert.equal(await passwords.verify(`${long}\u0000e\u0301`, String(hash)), true);
  assert.equal(await passwords.verify(`${long}\u0000e`, String(hash)), false);
  assert.equal(await passwords.verify(`${'a'.repeat(100)}2\u0000é`, String(hash)), false);
});

test('looking for nobody costs one comparison with a hash of the same cost, and never succeeds', async () => {
  const compared: string[] = [];
  const hashes: string[] = [];
  const hasher: Hasher = {
    async hash(secret) {
      const hash = await bcryptHasher.hash(secret);
      hashes.push(hash);
      return hash;
    },
    compare(_secret, hash) {
      compared.push(hash);
      return Promise.resolve(true);
    },
  };
  const passwords = createPasswords(hasher);
  assert.equal(await passwords.verify('a tulip in the rain', undefined), false);
  assert.deepEqual(compared, hashes);
  assert.match(compared[0] ?? '', /^\$2b\$12\$/);
});

test('a flood is computed two at a time, 64 wait, the rest is told so at once; then all is well again', async () => {
  let atOnce = 0;
  let most = 0;
  const gates: (() => void)[] = [];
  const hasher: Hasher = {
    hash: () => Promise.resolve('hash'),
    async compare() {
      atOnce++;
      most = Math.max(most, atOnce);
      await new Promise<void>((resolve) => gates.push(resolve));
      atOnce--;
      return true;
    },
  };
  const { verify } = createPasswords(hasher);
  const results: Promise<boolean | 'busy'>[] = [];
  for (let i = 0; i < 100; i++) results.push(verify('a tulip in the rain', 'hash'));
  const open = setInterval(() => gates.shift()?.(), 0);
  const all = await Promise.all(results);
  assert.equal(most, 2);
  assert.equal(all.filter((result) => result === true).length, 66);
  assert.equal(all.filter((result) => result === 'busy').length, 34);
  assert.equal(await verify('a tulip in the rain', 'hash'), true);
  clearInterval(open);
});

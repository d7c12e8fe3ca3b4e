import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parseFields } from './body.ts';

const URLENCODED = 'application/x-www-form-urlencoded';
const MULTIPART = 'multipart/form-data; boundary=edge';
const parse = async (type: string, body: string | Buffer) => {
  const fields = await parseFields(type, Buffer.from(body));
  return fields && Object.fromEntries(fields);
};
const part = (name: string, value: string, more = '') =>
  `--edge\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;

test('the same form is the same in all three content types', async () => {
  const expected = { username: 'alice', password: 'ä +&="\\', action: 'login' };
  const parts = Object.entries(expected).map(([name, value]) => part(name, value));
  assert.deepEqual(await parse(`${URLENCODED}; charset=utf-8`, new URLSearchParams(expected).toString()), expected);
  assert.deepEqual(await parse('Application/JSON', JSON.stringify(expected)), expected);
  assert.deepEqual(await parse(MULTIPART, `${parts.join('')}--edge--\r\n`), expected);
});

test('repeated fields are refused, not chosen from', async () => {
  assert.equal(await parse(URLENCODED, 'username=alice&username=bob'), undefined);
  assert.equal(await parse('application/json', '{"username":"alice","username":"bob"}'), undefined);
  assert.equal(await parse('application/json', '{"username":["x"],"username":"bob"}'), undefined);
  assert.equal(await parse(MULTIPART, `${part('username', 'alice')}${part('username', 'bob')}--edge--\r\n`), undefined);
});

test('lists, objects, numbers, nulls and files are no fields', async () => {
  for (const value of ['["alice"]', '{"a":"b"}', '1', 'null', 'true']) {
    assert.equal(await parse('application/json', `{"username":${value}}`), undefined, value);
  }
  for (const body of ['[]', '"text"', 'null', '', '{', '[{"username":"alice"}]']) {
    assert.equal(await parse('application/json', body), undefined, body);
  }
  assert.equal(await parse(MULTIPART, `${part('username', 'alice', '; filename="a.txt"')}--edge--\r\n`), undefined);
});

test('__proto__ is a name like any other, and changes nothing', async () => {
  const fields = await parseFields('application/json', Buffer.from('{"__proto__":"x","constructor":"y"}'));
  assert.deepEqual(
    [...(fields ?? [])],
    [
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ],
  );
  assert.deepEqual([...((await parseFields(URLENCODED, Buffer.from('__proto__=x'))) ?? [])], [['__proto__', 'x']]);
});

test('bytes that are no UTF-8 are refused, so that two passwords never become one', async () => {
  const broken = Buffer.from([0x70, 0x3d, 0xff]);
  assert.equal(await parse(URLENCODED, broken), undefined);
  assert.equal(await parse(URLENCODED, 'p=%FF'), undefined);
  assert.equal(
    await parse('application/json', Buffer.concat([Buffer.from('{"p":"'), Buffer.from([0xff]), Buffer.from('"}')])),
    undefined,
  );
});

test('cut and lying multipart bodies are refused, as are too many parts and missing boundaries', async () => {
  assert.equal(await parse(MULTIPART, part('username', 'alice')), undefined);
  assert.equal(await parse('multipart/form-data', part('username', 'alice')), undefined);
  const many = Array.from({ length: 50 }, (_, i) => part(`f${i}`, 'x')).join('');
  assert.equal(await parse(MULTIPART, `${many}--edge--\r\n`), undefined);
});

test('other content types are refused', async () => {
  for (const type of ['', 'text/plain', 'text/html', 'application/xml', 'application/jsonp']) {
    assert.equal(await parse(type, 'username=alice'), undefined, type);
  }
});

test('any bytes under any of the types get an answer, and nothing but texts', async () => {
  const types = fc.constantFrom(URLENCODED, MULTIPART, 'application/json', 'multipart/form-data; boundary=""');
  const pieces = fc.constantFrom(
    '--edge',
    '--edge--',
    '\r\n',
    'Content-Disposition: form-data; name="a"',
    '{"a":',
    '"b"}',
    'a=b&',
    '%',
    '\0',
  );
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
    fc.array(pieces, { maxLength: 30 }).map((all) => Buffer.from(all.join(''))),
  );
  await fc.assert(
    fc.asyncProperty(types, bodies, async (type, body) => {
      const fields = await parseFields(type, body);
      for (const [name, value] of fields ?? []) assert.deepEqual([typeof name, typeof value], ['string', 'string']);
    }),
    { numRuns: 1_000 },
  );
});

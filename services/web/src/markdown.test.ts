import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Inline } from './inline.ts';
import { type Block, everyNode, plainWords, readMarkdown } from './markdown.ts';

/** The blocks in a short notation: marks as tags, so that a test shows both sides at a glance. */
const draw = (text: string, names: string[] = []) => drawBlocks(readMarkdown(text, new Set(names)));
const drawBlocks = (blocks: Block[]): string => blocks.map(drawBlock).join('');

function drawBlock(block: Block): string {
  switch (block.is) {
    case 'text':
      return drawInline(block.inside);
    case 'code':
      return `<code ${block.language}>${block.text}</code>`;
    case 'quote':
      return `<quote>${drawBlocks(block.blocks)}</quote>`;
    case 'list':
      return `<list>${block.items.map((item) => `<item ${item.marker}>${drawBlocks(item.blocks)}</item>`).join('')}</list>`;
  }
}

function drawInline(nodes: Inline[]): string {
  return nodes
    .map((node) => {
      if (node.is === 'words') return node.text;
      if (node.is === 'link') return `<a ${node.href}${node.hidden ? ` (${node.hidden})` : ''}>${drawInline(node.inside)}</a>`;
      return `<${node.is}>${'inside' in node ? drawInline(node.inside) : node.text}</${node.is}>`;
    })
    .join('');
}

const links = (text: string) => [...everyNode(readMarkdown(text))].flatMap((node) => (node.is === 'link' ? [node.href] : []));

test('bold, italic, struck and code are told by their marks', () => {
  assert.equal(
    draw('**a** *b* _c_ __d__ ~~e~~ `f` ***g***'),
    [
      '<bold>a</bold> <italic>b</italic> <italic>c</italic> <bold>d</bold> <strike>e</strike> <code>f</code>',
      '<bold><italic>g</italic></bold>',
    ].join(' '),
  );
  assert.equal(draw('**a *b* c**'), '<bold>a <italic>b</italic> c</bold>');
  assert.equal(draw('*a **b** c*'), '<italic>a <bold>b</bold> c</italic>');
  assert.equal(draw('``a`b`` and ` `` `'), '<code>a`b</code> and <code>``</code>');
});

test('what only looks like a mark stays as typed', () => {
  for (const text of [
    '2*3*4 = 24, 5 * 3 * 2',
    'snake_case_name and __dirname/__file',
    '**open',
    'a ** b ** c',
    '*a\n\nb*',
    '****',
    '____________',
    '~~~~ ~ and ~a~',
    '`open',
    '¯\\_(ツ)_/¯',
    '\\\\server\\share C:\\new',
    '# no heading',
    '| a | b |\n|---|---|',
    '>:( and >_<',
    '-5 degrees',
    '- ',
    '```\nnever closed',
    '&lt;b&gt;&amp;&nbsp; <b>bold</b> <script>alert(1)</script> <!-- -->',
    '[a] (b) [c](d) ![e](f) [g]: h',
    '[](https://example.org)[',
    'a\r\nb',
  ]) {
    assert.equal(draw(text), text);
  }
});

test('a backslash takes its meaning from a mark', () => {
  assert.equal(draw('\\*a\\* \\`b\\` \\_c\\_'), '*a* `b` _c_');
});

test('line breaks and blank lines stay as typed, round blocks too', () => {
  assert.equal(draw('a\n\n\n  b\n'), 'a\n\n\n  b\n');
  assert.equal(draw('a\n> b\n\nc'), 'a\n<quote>b\n</quote>\nc');
});

test('a fenced block keeps everything in it and knows its language', () => {
  assert.equal(draw('see\n```TS\nconst a = `*b*`;\n\n  > c\n```\nok'), 'see\n<code ts>const a = `*b*`;\n\n  > c</code>ok');
  assert.equal(draw('````\n```\n````'), '<code >```</code>');
  assert.equal(draw('~~~\na\n~~~'), '<code >a</code>');
});

test('quotes and lists may stand in each other', () => {
  assert.equal(draw('> a\n>> b\n> - c'), '<quote>a\n<quote>b\n</quote><list><item - >c</item></list></quote>');
  assert.equal(
    draw('- a\n- **b**\n  - c\n    more\n1. d\n12) e'),
    '<list><item - >a\n</item><item - ><bold>b</bold>\n<list><item - >c\n  more\n</item></list></item></list><list><item 1. >d\n</item><item 12) >e</item></list>',
  );
});

test('an address in a sentence becomes a link without the sentence’s punctuation', () => {
  assert.deepEqual(links('Look at https://example.org/a?b=c#d, please.'), ['https://example.org/a?b=c#d']);
  assert.deepEqual(links('(see http://example.org/x)'), ['http://example.org/x']);
  assert.deepEqual(links('**https://example.org/wiki/Chat_(room)!**'), ['https://example.org/wiki/Chat_(room)']);
  assert.deepEqual(links('https://a.example/b_c_d and mailto:bob@b.example.'), [
    'https://a.example/b_c_d',
    'mailto:bob@b.example',
  ]);
});

test('a link whose words are not its address shows where it leads', () => {
  assert.equal(draw('[a *map*](https://example.org/m)'), '<a https://example.org/m (example.org)>a <italic>map</italic></a>');
  assert.equal(draw('[example.org](https://example.org/m)'), '<a https://example.org/m>example.org</a>');
  assert.equal(draw('[write](mailto:bob@b.example)'), '<a mailto:bob@b.example (bob@b.example)>write</a>');
});

test('mallory cannot pass one host off as another', () => {
  for (const [text, host] of [
    ['[https://bank.example](https://evil.example)', 'evil.example'],
    ['[bank.example](https://bank.example.evil.example)', 'bank.example.evil.example'],
    ['https://bank.example@evil.example/', 'evil.example'],
    ['https://b\u0430nk.example/', 'xn--bnk-6cd.example'],
  ] as const) {
    assert.match(draw(text), new RegExp(`\\(${host}\\)>`), text);
  }
  assert.deepEqual(links('https://example.org/\u202efdp.exe'), ['https://example.org/']);
});

test('mallory’s script, data and file addresses stay words', () => {
  for (const address of [
    'javascript:alert(1)',
    'jAvAsCrIpT:alert(1)',
    'java\u0000script:alert(1)',
    '\u0001javascript:alert(1)',
    'javascript&colon;alert(1)',
    'data:text/html,hi',
    'vbscript:x',
    'file:///etc/passwd',
    '//evil.example',
    '/leave',
    'https:',
    'https://\u0007',
    'mailto:',
  ]) {
    assert.deepEqual(links(address), [], address);
    assert.equal(draw(`[click](${address})`), `[click](${address})`);
  }
});

test('a name that somebody has is a mention, others and those in code and mail addresses are not', () => {
  const names = ['bob', 'ana.maria', 'ana', 'dot.'];
  assert.equal(
    draw('@bob, @Bob. (@ana.maria) @ana.lena @dot. hi', names),
    [
      '<mention>@bob</mention>, <mention>@Bob</mention>. (<mention>@ana.maria</mention>)',
      '<mention>@ana</mention>.lena <mention>@dot.</mention> hi',
    ].join(' '),
  );
  assert.equal(draw('**@bob** _@bob_', names), '<bold><mention>@bob</mention></bold> <italic><mention>@bob</mention></italic>');
  for (const text of ['@bobby', 'x@bob', '@carol', '@', '@@']) assert.equal(draw(text, names), text);
  assert.equal(draw('`@bob`', names), '<code>@bob</code>');
});

test('where there is room for one line only, the words stand without marks', () => {
  assert.equal(plainWords('**a**\n\n> [b](https://example.org)\n```js\nc()\n```\n- d'), 'a b c() - d');
});

const pieces = fc.constantFrom(
  ...[
    '*',
    '**',
    '***',
    '_',
    '__',
    '~~',
    '`',
    '``',
    '```',
    '\n',
    '\n\n',
    '> ',
    '>',
    '- ',
    '1. ',
    '  ',
    '\t',
    '[',
    '](',
    ')',
    '\\',
  ],
  ...[
    'https://',
    'mailto:',
    'a@b.c',
    '@bob',
    'word',
    'Wort',
    'x',
    '<b>',
    '&amp;',
    '👍',
    '\ud83d',
    '\u202e',
    '¯\\_(ツ)_/¯',
    '!',
    '.',
  ],
);

const texts = fc.oneof(
  fc.array(pieces, { maxLength: 60 }).map((all) => all.join('')),
  fc.string({ unit: 'binary' }),
);

test('whatever is written, it can be read, all words are there, and links lead to where they may', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const blocks = readMarkdown(text, new Set(['bob']));
      const shown = drawBlocks(blocks).toLowerCase();
      // A word may be parted by a mark, or stand in the address behind a link.
      const words = shown.replaceAll(/<\/?(?:a|bold|italic|strike|code|mention|quote|list|item)\b[^>]*>/g, '');
      for (const [word] of text.toLowerCase().matchAll(/[a-z]{3,}/g))
        assert.ok(words.includes(word) || shown.includes(word), word);
      for (const node of everyNode(blocks)) if (node.is === 'link') assert.match(node.href, /^(?:https?:\/\/[^/]|mailto:[^@]+@)/);
    }),
    { numRuns: 2_000 },
  );
});

test('mallory’s longest and most nested texts are read before anybody notices', () => {
  const size = 10_000;
  const bombs = [
    ...[
      '>',
      '> ',
      '- ',
      '* ',
      '*',
      '_',
      '*a ',
      '*a **b ',
      '**a *b ',
      '_a __b ~~c ',
      '~~',
      '`',
      '`a``b',
      '[',
      '[a](',
      '[a](x',
      '](',
    ],
    ...[
      '```a\n',
      '```\n',
      '~~~~\n````b\n',
      '\n',
      '\n ',
      '>\n',
      'https://',
      'https://[ ',
      'https://[',
      'mailto:',
      '@',
      '@a.',
      '@bob.',
      '\\',
    ],
    ...['- a\n  ', '1. ', '[a](https://a.example) ', 'https://a.example ', '<b>', '(', '¯\\_', '***a**b*c '],
  ].map((part) => part.repeat(size / part.length));
  bombs.push(`https://a.example/${')'.repeat(size)}`, `[a](https://a.example/${'('.repeat(size)}`, `\`${' '.repeat(size)}x`);
  bombs.push(Array.from({ length: 140 }, (_, i) => `${' '.repeat(i)}- a`).join('\n'));
  bombs.push(Array.from({ length: 140 }, (_, i) => '`'.repeat(140 - i)).join('a'));
  bombs.push(Array.from({ length: 140 }, (_, i) => '`'.repeat(143 - i)).join('\n'));
  for (const bomb of bombs) {
    // The quickest of some: the machine may be busy with something else.
    const times = [1, 2, 3].map(() => timeOf(() => drawBlocks(readMarkdown(bomb, new Set(['bob'])))));
    const ms = Math.min(...times);
    assert.ok(ms < 50, `${JSON.stringify(bomb.slice(0, 20))}… took ${ms} ms`);
  }
});

function timeOf(run: () => void): number {
  const begin = performance.now();
  run();
  return performance.now() - begin;
}

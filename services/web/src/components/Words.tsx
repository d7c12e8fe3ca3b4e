import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import type { Conversation } from '../conversation.ts';
import type { Inline } from '../inline.ts';
import { knownNames } from '../knownNames.ts';
import type { Block, Item } from '../markdown.ts';
import { readMarkdown } from '../markdown.ts';
import { foldName, type Names } from '../names.ts';
import { Code } from './Code.tsx';

const NOBODY: Names = new Set();

type Props = { conversation: Pick<Conversation, 'room' | 'me'>; text: string };

/** What somebody wrote, drawn from its marks. Everything in it becomes text or one of these elements, nothing else. */
export function Words({ conversation, text }: Props) {
  // Only a text with an @ in it has to be drawn anew when somebody new comes.
  const names = text.includes('@') ? knownNames(conversation).value : NOBODY;
  const blocks = useMemo(() => readMarkdown(text, names), [text, names]);
  const [first] = blocks;
  const me = foldName(conversation.me.name);
  return <>{blocks.length === 1 && first?.is === 'text' ? drawAll(first.inside, me) : drawBlocks(blocks, me)}</>;
}

function drawBlocks(blocks: readonly Block[], me: string): ComponentChildren[] {
  return blocks.map((block) => drawBlock(block, me));
}

function drawBlock(block: Block, me: string): ComponentChildren {
  switch (block.is) {
    case 'text':
      return (
        <div class="text" dir="auto">
          {drawAll(block.inside, me)}
        </div>
      );
    case 'code':
      return <Code language={block.language} text={block.text} />;
    case 'quote':
      return <blockquote class="quoted">{drawBlocks(block.blocks, me)}</blockquote>;
    case 'list': {
      const items = block.items.map((item) => drawItem(item, block.isOrdered, me));
      return block.isOrdered ? <ol>{items}</ol> : <ul>{items}</ul>;
    }
  }
}

/** The marker stays as typed, whatever number it is; only a dash or star is seen as a bullet. */
function drawItem({ marker, blocks }: Item, isOrdered: boolean, me: string) {
  const [first, ...others] = blocks;
  return (
    <li dir="auto">
      <span class={isOrdered ? 'marker' : 'marker bullet'}>{marker}</span>
      {first?.is === 'text' ? drawAll(first.inside, me) : first && drawBlock(first, me)}
      {drawBlocks(others, me)}
    </li>
  );
}

function drawAll(nodes: readonly Inline[], me: string): ComponentChildren[] {
  return nodes.map((node) => draw(node, me));
}

function draw(node: Inline, me: string): ComponentChildren {
  switch (node.is) {
    case 'words':
      return node.text;
    case 'bold':
      return <strong>{drawAll(node.inside, me)}</strong>;
    case 'italic':
      return <em>{drawAll(node.inside, me)}</em>;
    case 'strike':
      return <s>{drawAll(node.inside, me)}</s>;
    case 'code':
      return <code class="snippet">{node.text}</code>;
    case 'mention':
      return <Mention text={node.text} isMe={foldName(node.text.slice(1)) === me} />;
    case 'link':
      return <Link {...node}>{drawAll(node.inside, me)}</Link>;
  }
}

function Mention({ text, isMe }: { text: string; isMe: boolean }) {
  return isMe ? <mark class="mention me">{text}</mark> : <span class="mention">{text}</span>;
}

/** The page that opens knows neither where it was opened from nor who opened it. */
function Link({ href, hidden, children }: { href: string; hidden: string | undefined; children: ComponentChildren }) {
  return (
    <>
      <a href={href} title={href} target="_blank" rel="noopener noreferrer nofollow ugc">
        <bdi>{children}</bdi>
      </a>
      {hidden !== undefined && <bdi class="host" dir="ltr">{` (${hidden})`}</bdi>}
    </>
  );
}

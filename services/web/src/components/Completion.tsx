import { useEffect, useRef } from 'preact/hooks';
import { texts } from '../texts.ts';
import { Avatar } from './Avatar.tsx';
import type { Completion as Completing, Suggestion } from './useCompletion.ts';

export const COMPLETION_ID = 'completion';

/** The id of the suggestion that Enter takes, if there is one. */
export function chosenId({ suggestions }: Completing): string | undefined {
  const { current = -1 } = suggestions.value ?? {};
  return current < 0 ? undefined : optionId(current);
}

/** What is being typed may be one of these. The field keeps the focus and the keys; a pointer may choose as well. */
export function Completion({ completion }: { completion: Completing }) {
  const list = useRef<HTMLDivElement | null>(null);
  const { suggestions, choose } = completion;
  const { all = [], current = -1 } = suggestions.value ?? {};
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [current]);
  if (all.length === 0) return null;
  return (
    <div ref={list} id={COMPLETION_ID} class="completion" role="listbox" aria-label={texts.suggestions}>
      {all.map((suggestion, index) => (
        <div
          key={suggestion.insert}
          id={optionId(index)}
          role="option"
          tabIndex={-1}
          aria-selected={index === current}
          onPointerDown={(event) => event.preventDefault()}
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => choose(suggestion)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') choose(suggestion);
          }}
        >
          <Sign suggestion={suggestion} />
        </div>
      ))}
    </div>
  );
}

function Sign({ suggestion }: { suggestion: Suggestion }) {
  if (suggestion.is === 'mention') {
    return (
      <>
        <Avatar user={suggestion.user} />
        <bdi class="name">{suggestion.user.name}</bdi>
      </>
    );
  }
  return (
    <>
      <span class="completion-emoji" aria-hidden="true">
        {suggestion.insert}
      </span>
      <span class="name">{`:${suggestion.name}:`}</span>
    </>
  );
}

const optionId = (index: number) => `${COMPLETION_ID}-${index}`;

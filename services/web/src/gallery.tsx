/**
 * The gallery: the chat page in each of its states, from fixtures. `#name` shows one of them as it would fill the window;
 * without a name there is the list. Nothing here is connected to anything.
 */
import { render } from 'preact';
import { Chat } from './components/Chat.tsx';
import { createGalleryConversation, MAX_CHARACTERS, states } from './gallery.fixture.ts';
import { findFaults } from './geometry.fixture.ts';
import { purpose } from './purpose.ts';
import { question } from './questions.ts';
import { readTheme, showTheme } from './theme.ts';

declare global {
  /** What a program that photographs the gallery uses. */
  var gallery: { names: string[]; findFaults: typeof findFaults };
}

const root = document.getElementById('gallery');

globalThis.gallery = { names: states.map(({ name }) => name), findFaults };
showTheme(readTheme());
addEventListener('hashchange', show);
show();

function show() {
  if (!root) return;
  delete document.documentElement.dataset.shown;
  question.value = undefined;
  render(null, root);
  // The field that went may have left there what was being edited in it.
  purpose.value = { is: 'say' };
  const state = states.find(({ name }) => `#${name}` === location.hash);
  if (!state) return render(<Names />, root);
  document.documentElement.dir = state.isRightToLeft ? 'rtl' : 'ltr';
  Object.defineProperty(navigator, 'onLine', { value: !state.isOffline, configurable: true });
  const conversation = createGalleryConversation();
  state.set(conversation);
  render(<Chat conversation={conversation} maxCharacters={MAX_CHARACTERS} />, root);
  afterDrawing(() => {
    state.open?.(document);
    whenThere(state.brings ?? '.frame', () => {
      document.documentElement.dataset.shown = state.name;
    });
  });
}

function Names() {
  return (
    <main class="gallery-names">
      <h1>Gallery</h1>
      <ul>
        {states.map(({ name }) => (
          <li key={name}>
            <a href={`#${name}`}>{name}</a>
          </li>
        ))}
      </ul>
    </main>
  );
}

/** Two frames: one that draws, one after which the effects of drawing have run. */
function afterDrawing(run: () => void) {
  requestAnimationFrame(() => requestAnimationFrame(run));
}

function whenThere(selector: string, run: () => void) {
  afterDrawing(() => {
    if (document.querySelector(selector)) run();
    else whenThere(selector, run);
  });
}

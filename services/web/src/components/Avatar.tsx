import type { User } from '@securechat/shared/protocol';
import { hueOf, initials } from '../words.ts';

/** The first letters of a name on a colour that belongs to the person. */
export function Avatar({ user }: { user: User }) {
  return (
    <span class="avatar" style={{ '--hue': String(hueOf(user.id)) }} data-person={user.id} aria-hidden="true">
      {initials(user.name)}
    </span>
  );
}

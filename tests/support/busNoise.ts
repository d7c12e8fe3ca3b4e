/** Between a replica and Redis: publications that are lost, come twice, or come late and so in another order. */
import type { Edit } from './faultProxy.ts';

export type Fate = 'pass' | 'lose' | 'double' | 'late';

export type BusNoise = ReturnType<typeof createBusNoise>;

const LATE_MS = 60;
const AGAIN_AFTER_MS = 150;

/** Everything passes until told otherwise. Only what is said of rooms is touched. */
export function createBusNoise() {
  let fateOf: (payload: string) => Fate = () => 'pass';
  let touched = 0;

  const editAnswers: Edit = (pass) => {
    let rest: Buffer = Buffer.alloc(0);
    return (bytes) => {
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      for (let end = endOfValue(rest, 0); end !== undefined; end = endOfValue(rest, 0)) {
        deal(rest.subarray(0, end), pass);
        rest = rest.subarray(end);
      }
    };
  };

  function deal(value: Buffer, pass: (bytes: Buffer) => void) {
    const text = value.toString('latin1');
    const fate = /^[*>]3\r\n\$7\r\nmessage\r\n\$\d+\r\nroom:/.test(text) ? fateOf(text) : 'pass';
    if (fate !== 'pass') touched += 1;
    if (fate === 'pass' || fate === 'double') pass(value);
    if (fate === 'late') setTimeout(pass, LATE_MS, value);
    if (fate === 'double') setTimeout(pass, AGAIN_AFTER_MS, value);
  }

  return {
    editAnswers,
    /** Decides about each publication from now on; it is given the bytes as Redis sent them. */
    deals: (decide: (payload: string) => Fate) => {
      fateOf = decide;
    },
    passes: () => {
      fateOf = () => 'pass';
    },
    /** How many publications did not simply pass so far. */
    touched: () => touched,
  };
}

/** Where the value that begins at `from` ends; undefined when it is not complete. https://redis.io/docs/latest/develop/reference/protocol-spec/ */
function endOfValue(bytes: Buffer, from: number): number | undefined {
  const line = bytes.indexOf('\r\n', from);
  if (line === -1) return undefined;
  const kind = String.fromCharCode(bytes[from] ?? 0);
  const count = Number(bytes.toString('latin1', from + 1, line));
  const next = line + 2;
  if ('$=!'.includes(kind)) {
    const end = count < 0 ? next : next + count + 2;
    return end <= bytes.length ? end : undefined;
  }
  if (!'*~>%'.includes(kind)) return next;
  let end: number | undefined = next;
  for (let left = kind === '%' ? 2 * count : count; left > 0 && end !== undefined; left--) end = endOfValue(bytes, end);
  return end;
}

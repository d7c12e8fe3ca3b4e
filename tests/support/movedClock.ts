/**
 * Preloaded into a server (`node --import`): its clock differs from the machine's by the milliseconds that the file
 * MOVED_CLOCK holds when it starts. What is measured by performance.now() stays as it is, as on a machine whose clock is set.
 */
import { readFileSync } from 'node:fs';

const movedMs = Number(readFileSync(process.env.MOVED_CLOCK ?? '', 'utf8'));
const machineNow = Date.now;
const MachineDate = Date;

class MovedDate extends MachineDate {
  constructor(...given: unknown[]) {
    super(...((given.length === 0 ? [machineNow() + movedMs] : given) as [number]));
  }
  static override now = () => machineNow() + movedMs;
}

globalThis.Date = MovedDate as DateConstructor;

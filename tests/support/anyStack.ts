/** The server of a story that must hold for every kind of server. */
import { startReplicas } from './replicas.ts';
import { type Stack, startSingleNode } from './stack.ts';

export type { Stack } from './stack.ts';

/** Which kind this run is about: the environment variable STACK says so, and a single node is the default. */
export const isDistributed = process.env.STACK === 'replicas';

/**
 * Starts a single node, or replicas with everything that they need, and resolves once it answers.
 *
 * @param overrides environment variables beside the stack's own; an empty value removes one
 */
export const startStack = (overrides: Record<string, string> = {}): Promise<Stack> =>
  isDistributed ? startReplicas(overrides) : startSingleNode(overrides);

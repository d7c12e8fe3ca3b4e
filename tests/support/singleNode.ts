/** The single node as a process of its own, at home in the folder that its first argument names. */
import { run } from '../../scripts/single-node.ts';

await run(process.env, process.argv[2]);

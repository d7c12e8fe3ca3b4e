/** `npm run admin` as a process of its own, for the server at home in the folder that its first argument names. */
import { main } from '../../scripts/admin.ts';

const [home, ...words] = process.argv.slice(2);
process.exitCode = await main(words, process.env, home);

/** The containers of docker-compose.yml for the stories: a project of its own, on free ports, and nothing left at the end. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { projectFolder } from '../../scripts/home.ts';
import { createPerson, type Person } from './person.ts';
import { freePorts } from './ports.ts';

const WAITS_S = 180;
const ONE_COMMAND_WITHIN_MS = 600_000;

export type Service = 'proxy' | 'auth' | 'chat' | 'postgres' | 'redis';
export const services: readonly Service[] = ['proxy', 'auth', 'chat', 'postgres', 'redis'];

export type Containers = Awaited<ReturnType<typeof startContainers>>;
export type Said = { code: number; out: string; err: string };

/** What `docker inspect` says, as far as the stories ask. */
export type Inspection = {
  Config: { User: string; Env: string[]; Cmd: string[] | null };
  HostConfig: {
    ReadonlyRootfs: boolean;
    CapDrop: string[] | null;
    CapAdd: string[] | null;
    SecurityOpt: string[] | null;
    Memory: number;
  };
  NetworkSettings: { Ports: Record<string, { HostPort: string }[] | null>; Networks: Record<string, { IPAddress: string }> };
  State: { Status: string; ExitCode: number };
};

/**
 * Builds the images and starts everything, and resolves when it is healthy.
 *
 * @param settings variables as the shell or `.env` would set them
 * @throws what Compose printed, when it does not start; nothing is left then
 */
export async function startContainers(settings: Record<string, string> = {}, { chats = 1 }: { chats?: number } = {}) {
  const stack = await describeContainers(settings);
  try {
    await stack.compose('build', '--quiet');
    await stack.up(chats);
    return stack;
  } catch (error) {
    const logs = await stack.composeSays('logs', '--no-color', '--tail', '30');
    await stack.stop();
    throw new Error(`The containers did not start. They printed:\n${logs.out}`, { cause: error });
  }
}

/** A project that has not been started. */
export async function describeContainers(settings: Record<string, string> = {}) {
  const project = `securechat-test-${randomUUID().slice(0, 8)}`;
  const [http = 0, chat = 0] = await freePorts(2);
  const { PATH = '', HOME = '', DOCKER_HOST } = process.env;
  const env = {
    PATH,
    HOME,
    ...(DOCKER_HOST !== undefined && { DOCKER_HOST }),
    COMPOSE_PROJECT_NAME: project,
    HTTP_PORT: String(http),
    CHAT_PORT: String(chat),
    ...settings,
  };

  /** Runs docker with these words and resolves to what it said, however it went. */
  const says = (...words: string[]) =>
    new Promise<Said>((resolve) => {
      const options = { cwd: projectFolder, env, timeout: ONE_COMMAND_WITHIN_MS, maxBuffer: 64 * 1024 * 1024 };
      const child = execFile('docker', words, options, (_, out, err) => resolve({ code: child.exitCode ?? -1, out, err }));
    });

  /** The same, and it has to succeed. Resolves to what it printed. */
  async function docker(...words: string[]): Promise<string> {
    const { code, out, err } = await says(...words);
    if (code !== 0) throw new Error(`docker ${words.join(' ')} ended with ${code}. It printed:\n${out}${err}`);
    return out.trim();
  }

  // The .env of whoever runs the tests is about their own server.
  const ofProject = (...words: string[]) => ['compose', '--env-file', '/dev/null', ...words];
  const compose = (...words: string[]) => docker(...ofProject(...words));

  /** The containers of a service, those that have ended too; the first was made first. */
  async function containersOf(service: Service | 'init'): Promise<string[]> {
    const ids = (await compose('ps', '--all', '--quiet', service)).split('\n').filter(Boolean);
    const numbers = await Promise.all(ids.map((id) => docker('inspect', '--format', '{{.Name}}', id)));
    const numberOf = (name: string | undefined) => Number(/-(\d+)$/.exec(name ?? '')?.[1] ?? 0);
    return ids
      .map((id, index) => ({ id, number: numberOf(numbers[index]) }))
      .sort((a, b) => a.number - b.number)
      .map(({ id }) => id);
  }

  const stack = {
    project,
    url: `https://localhost:${http}`,
    chatUrl: `wss://localhost:${chat}/`,
    ports: { http, chat },
    docker,
    compose,
    /** As `compose`, but it may fail. */
    composeSays: (...words: string[]) => says(...ofProject(...words)),
    containersOf,
    person: (name: string): Promise<Person> => createPerson(stack, name),
    people: <Names extends string[]>(...names: Names) =>
      Promise.all(names.map((name) => createPerson(stack, name))) as Promise<{ [K in keyof Names]: Person }>,
    /** Starts what does not run, with so many replicas of chat, and waits until all of it is healthy. */
    async up(chats: number) {
      await compose('up', '--detach', '--wait', '--wait-timeout', String(WAITS_S), '--scale', `chat=${chats}`, ...services);
    },
    /** Changes the number of replicas of chat and touches nothing else. */
    async scale(chats: number) {
      await compose(
        'up',
        '--detach',
        '--wait',
        '--wait-timeout',
        String(WAITS_S),
        '--no-recreate',
        '--no-deps',
        '--scale',
        `chat=${chats}`,
        'chat',
      );
    },
    async inspect(container: string): Promise<Inspection> {
      const [inspection] = JSON.parse(await docker('inspect', container)) as Inspection[];
      if (inspection === undefined) throw new Error(`There is no container ${container}.`);
      return inspection;
    },
    /** Runs a command in the first container of a service. */
    within: (service: Service, ...words: string[]) => compose('exec', '-T', service, ...words),
    /** Removes the containers and keeps the volumes. */
    down: () => compose('down', '--timeout', '30'),
    /** Removes everything: containers, volumes, networks, images. */
    async stop() {
      await compose('down', '--volumes', '--rmi', 'local', '--timeout', '5', '--remove-orphans');
    },
  };
  return stack;
}

/** Pushes images to an environment's registry and pins them: `images.<env>.json` holds the digests that it runs. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Environment } from '../../environments/environment.ts';
import type { BuiltImage } from './build.ts';
import type { Engine } from './engine.ts';
import { run } from './run.ts';

/**
 * @param registry address and path; a repository per service lies below it
 * @returns digest by service
 */
export async function pushImages(
  engine: Engine,
  images: readonly BuiltImage[],
  registry: string,
): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  // The tag names the content, so an immutable tag never has to move.
  for (const { name, tag, id } of images)
    digests[name] = await engine.push(tag, `${registry}/${name}:${id.slice('sha256:'.length).slice(0, 12)}`);
  return digests;
}

/** Writes digests into a file of pinned images; services that are not named keep theirs. */
export async function pinImages(file: URL | string, digests: Readonly<Record<string, string>>): Promise<void> {
  const before = await readFile(file, 'utf8').then(JSON.parse, () => ({}));
  await writeFile(file, `${JSON.stringify({ ...before, ...digests }, null, 2)}\n`);
}

/**
 * The environment's registry in AWS, logged in to. The account is the environment's, else that of the credentials at
 * hand; both steps are the AWS command line's.
 */
export async function awsRegistry({ name, aws }: Environment, engine: Engine): Promise<string> {
  if (!aws) throw new Error(`environment '${name}' has no registry: given target 'local', allowed 'aws'`);
  const region = ['--region', aws.region];
  const account = aws.accountId ?? (await awsSays(['sts', 'get-caller-identity', '--query=Account', '--output=text']));
  const host = `${account}.dkr.ecr.${aws.region}.amazonaws.com`;
  await engine.login(host, 'AWS', await awsSays(['ecr', 'get-login-password', ...region]));
  return `${host}/bulkhead-${name}`;
}

async function awsSays(args: readonly string[]): Promise<string> {
  return (
    await run('aws', args).catch((cause: Error) => {
      throw new Error(
        `no way into the registry; sign in to AWS first, or name a registry with --registry: ${cause.message}`,
      );
    })
  ).trim();
}

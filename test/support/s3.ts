/** An S3 for tests: moto's server, which honours conditional writes. `pip install -r test/requirements.txt` brings it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';

const inVenv = join(import.meta.dirname, '../../.venv/bin/moto_server');
const program = existsSync(inVenv) ? inVenv : 'moto_server';

export const lacksS3 = ((): string | null => {
  try {
    execFileSync(program, ['--help'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'moto is not installed: python3 -m venv .venv && .venv/bin/pip install -r test/requirements.txt';
  }
})();

export interface TestS3 {
  readonly bucket: string;
  /** What a process needs to use it. */
  readonly env: Readonly<
    Record<'AWS_ENDPOINT_URL' | 'AWS_REGION' | 'AWS_ACCESS_KEY_ID' | 'AWS_SECRET_ACCESS_KEY', string>
  >;
  /** Keys under a prefix with each of their versions, delete markers and unfinished uploads. */
  objects(prefix: string): Promise<string[]>;
  /** Deletes the current version only, as programs do that know nothing of versions. */
  forget(key: string): Promise<void>;
  /** Keys of which any version holds the text. */
  holding(text: string): Promise<string[]>;
  close(): Promise<void>;
}

/** A server of its own with one bucket that keeps versions, as the foundation stack makes it. */
export async function startS3(): Promise<TestS3> {
  // It chooses its port and says it: one that is looked up before may be another's by then.
  const server = spawn(program, ['-H', '127.0.0.1', '-p', '0'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const gone = once(server, 'exit');
  const url = await saidUrl(server);
  const env = {
    AWS_ENDPOINT_URL: url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  };
  const client = new S3Client({
    endpoint: env.AWS_ENDPOINT_URL,
    region: env.AWS_REGION,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    forcePathStyle: true,
  });
  const Bucket = 'documents';
  await client.send(new CreateBucketCommand({ Bucket }));
  await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  async function* versionPages(Prefix?: string): AsyncGenerator<ListObjectVersionsCommandOutput> {
    let next: { KeyMarker?: string; VersionIdMarker?: string } | null = {};
    while (next) {
      const page: ListObjectVersionsCommandOutput = await client.send(
        new ListObjectVersionsCommand({ Bucket, Prefix, ...next }),
      );
      yield page;
      next = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker } : null;
    }
  }
  return {
    bucket: Bucket,
    env,
    objects: async (Prefix) => {
      const keys: (string | undefined)[] = [];
      for await (const { Versions = [], DeleteMarkers = [] } of versionPages(Prefix))
        keys.push(...[...Versions, ...DeleteMarkers].map(({ Key }) => Key));
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix }));
      return [...keys, ...Uploads.map(({ Key }) => Key)].map(String);
    },
    forget: async (Key) => void (await client.send(new DeleteObjectCommand({ Bucket, Key }))),
    holding: async (text) => {
      const found: string[] = [];
      for await (const page of versionPages())
        for (const { Key = '', VersionId } of page.Versions ?? []) {
          const { Body } = await client.send(new GetObjectCommand({ Bucket, Key, VersionId }));
          const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
          // Page results are gzipped.
          const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
          if (plain.includes(text)) found.push(`${Key} (${VersionId})`);
        }
      return found;
    },
    close: async () => {
      client.destroy();
      server.kill('SIGTERM');
      await gone;
    },
  };
}

/** Where it listens, once it does. */
function saidUrl(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    server.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-4000);
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(text) ?? [];
      if (url) resolve(url);
    });
    server.once('exit', () => reject(new Error(`moto did not start: ${text}`)));
  });
}

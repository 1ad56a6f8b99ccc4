import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { bootstrap } from '../../../stacks/deploying/bootstrap.ts';

/** Answers as S3 does and notes what it is asked; `bucket` is what a HEAD of it says. */
let server: Server;
let s3: S3Client;
let bucket: number;
let asked: string[];
let bodies: string[];

beforeEach(async () => {
  [asked, bodies, bucket] = [[], [], 404];
  server = createServer((request, response) => {
    asked.push(
      `${request.method} ${new URL(request.url ?? '', 'http://s3').pathname.replace(/.$/, '')}${new URL(request.url ?? '', 'http://s3').search.replace('=', '')}`,
    );
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      bodies.push(Buffer.concat(chunks).toString());
      response.writeHead(request.method === 'HEAD' ? bucket : 200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  s3 = new S3Client({
    region: 'eu-west-1',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    forcePathStyle: true,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
});
afterEach(async () => {
  s3.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const settings = [
  'PUT /state?versioning',
  'PUT /state?encryption',
  'PUT /state?publicAccessBlock',
  'PUT /state?policy',
];

test('a missing bucket is made, versioned, encrypted, private and reached by TLS alone', async () => {
  expect(await bootstrap(s3, 'state')).toBe('made');
  expect(asked).toEqual(['HEAD /state', 'PUT /state', ...settings]);
  expect(bodies[1]).toContain('<LocationConstraint>eu-west-1</LocationConstraint>');
  expect(bodies[2]).toContain('<Status>Enabled</Status>');
  expect(bodies[3]).toContain('aws:kms');
  expect(bodies[5]).toContain('"aws:SecureTransport":"false"');
});

test('an existing one is left where it is, its settings set again', async () => {
  bucket = 200;
  expect(await bootstrap(s3, 'state')).toBe('was there');
  expect(asked).toEqual(['HEAD /state', ...settings]);
});

test('a bucket of another account is refused with what to do', async () => {
  bucket = 403;
  await expect(bootstrap(s3, 'state')).rejects.toThrow(
    "bucket 'state' belongs to another account: bucket names are unique in the world; choose another aws.stateBucket",
  );
  expect(asked).toEqual(['HEAD /state']);
});

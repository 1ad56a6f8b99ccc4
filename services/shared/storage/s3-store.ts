/** The object store on S3. Credentials come from the replica's role; the endpoint from `AWS_ENDPOINT_URL`, if set. */
import type { Readable } from 'node:stream';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { networkCodes, UnavailableError } from '../http/unavailable.ts';
import { type DocumentStore, NotInStoreError } from './store.ts';

/** S3's smallest part; 4 in flight bound an upload's memory at 20 MiB. */
const partBytes = 5 * 1024 * 1024;
const partsInFlight = 4;

/** S3 answers in milliseconds; a part of 5 MiB takes a second. Three tries of this are what a caller waits for at most. */
const limits = {
  connectionTimeout: 3000,
  // Until the answer begins, then between two pieces of it.
  requestTimeout: 15_000,
  throwOnRequestTimeout: true,
  socketTimeout: 15_000,
} as const;

/** Page results, sizes, deletions: 50 of a few milliseconds each are more than a replica asks for. */
const smallSocketsMax = 50;
/** Streams that a reader takes at their own speed; above what any tier lets go on at a time. */
const streamsMax = 100;
/** Above the time after which a download ends whose reader takes nothing: that is not S3's silence. */
const streamSilenceMs = 60_000;
/** A part holds a socket only while it is sent. */
const uploadSocketsMax = 50;

function openClient(maxSockets: number, socketTimeout: number = limits.socketTimeout): S3Client {
  const agent = { keepAlive: true, maxSockets };
  const client = new S3Client({
    // Emulators serve buckets by path, not by host name.
    forcePathStyle: process.env.AWS_ENDPOINT_URL !== undefined,
    requestHandler: { ...limits, socketTimeout, httpAgent: agent, httpsAgent: agent },
  });
  client.middlewareStack.add(
    (next) => async (given) => {
      try {
        return await next(given);
      } catch (error) {
        throw fromS3(error);
      }
    },
    { step: 'initialize', name: 'unavailable' },
  );
  return client;
}

/** @param url `s3://bucket/prefix` */
export function openS3Store(url: string): DocumentStore {
  const { hostname: Bucket, pathname } = new URL(url);
  const prefix = pathname.replace(/^\//, '').replace(/([^/])$/, '$1/');
  // Of their own: who waits for the reader of a stream, or for the parts of an upload, holds up nobody else.
  const client = openClient(smallSocketsMax);
  const streams = openClient(streamsMax, streamSilenceMs);
  const uploads = openClient(uploadSocketsMax);
  const at = (key: string) => ({ Bucket, Key: prefix + key });

  return {
    put: async (key, body) => {
      const upload = new Upload({
        client: uploads,
        params: { ...at(key), Body: body },
        partSize: partBytes,
        queueSize: partsInFlight,
      });
      await upload.done();
    },
    get: async (key, range) => {
      const Range = range && `bytes=${range.start}-${range.end}`;
      const { Body } = await streams
        .send(new GetObjectCommand({ ...at(key), ...(Range && { Range }) }))
        .catch(absent(key));
      return Body as Readable;
    },
    read: async (key) => {
      const { Body } = await client.send(new GetObjectCommand(at(key))).catch(absent(key));
      const bytes = await Body?.transformToByteArray().catch((error: unknown) => {
        throw fromS3(error);
      });
      return Buffer.from(bytes ?? []);
    },
    size: async (key) => (await client.send(new HeadObjectCommand(at(key))).catch(absent(key))).ContentLength ?? 0,
    list: async function* (under) {
      for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket, Prefix: prefix + under }))
        for (const { Key = '', Size = 0, LastModified = new Date(0) } of Contents)
          yield { key: Key.slice(prefix.length), sizeBytes: Size, modifiedAt: LastModified };
    },
    folders: async function* (under, after) {
      const Prefix = prefix + under;
      // '0' comes right after '/': behind everything in the folder itself.
      const StartAfter = after && `${Prefix}${after}0`;
      const asked = { Bucket, Prefix, Delimiter: '/', ...(StartAfter && { StartAfter }) };
      for await (const { CommonPrefixes = [] } of paginateListObjectsV2({ client }, asked))
        for (const { Prefix: folder = '' } of CommonPrefixes) yield folder.slice(Prefix.length, -1);
    },
    // Versions and delete markers too: what a person deletes is gone, also from a bucket that keeps versions.
    deletePrefix: async (under) => {
      // Until none is left: some may have come meanwhile.
      for (let left = true; left; ) {
        left = false;
        for await (const { Versions = [], DeleteMarkers = [] } of versionsOf(under)) {
          left ||= Versions.length + DeleteMarkers.length > 0;
          await remove([...Versions, ...DeleteMarkers]);
        }
      }
    },
    purgePrefix: async (under) => {
      // Markers last: without its marker an older version would be the current one again.
      for await (const { Versions = [] } of versionsOf(under))
        await remove(Versions.filter(({ IsLatest }) => !IsLatest));
      for await (const { DeleteMarkers = [] } of versionsOf(under)) await remove(DeleteMarkers);
    },
  };

  /** Page by page, 1,000 each: as many as one deletion takes. */
  async function* versionsOf(under: string): AsyncGenerator<ListObjectVersionsCommandOutput> {
    let next: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {};
    while (next) {
      const page: ListObjectVersionsCommandOutput = await client.send(
        new ListObjectVersionsCommand({ Bucket, Prefix: prefix + under, ...next }),
      );
      yield page;
      next = page.IsTruncated
        ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
        : undefined;
    }
  }

  async function remove(found: readonly ObjectIdentifierOfVersion[]): Promise<void> {
    const Objects = found.map(({ Key, VersionId }) => ({ Key, VersionId }));
    if (Objects.length === 0) return;
    const { Errors = [] } = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
    if (Errors[0]) throw new Error(`'${Errors[0].Key}' could not be deleted: ${Errors[0].Code} ${Errors[0].Message}`);
  }
}

interface ObjectIdentifierOfVersion {
  readonly Key?: string;
  readonly VersionId?: string;
}

/** What says that S3 is away or overloaded, as that; else the error as it was. */
function fromS3(error: unknown): unknown {
  const { name, code, message, $metadata } = error as Error & {
    code?: string;
    $metadata?: { httpStatusCode?: number };
  };
  const away = name === 'TimeoutError' || networkCodes.has(code ?? '') || ($metadata?.httpStatusCode ?? 0) >= 500;
  if (!away) return error;
  return new UnavailableError('document-store', `the object store is away: ${message || code}`, { cause: error });
}

function absent(key: string): (error: Error) => never {
  return (error) => {
    throw error.name === 'NoSuchKey' || error.name === 'NotFound' ? new NotInStoreError(key) : error;
  };
}

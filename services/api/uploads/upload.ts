/**
 * `POST /v1/brains/{brain}/documents`. The order matters: refuse what can be refused before bytes arrive; stream them to
 * the object store while they are hashed; then one transaction makes document, job and event, or finds that the content
 * is there already. Whatever is refused leaves no object and no row. The api never opens a document.
 */
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { MultipartFile } from '@fastify/multipart';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { uuidv7 } from 'uuidv7';
import { type routes as Routes, routes } from '../../shared/contract/routes.ts';
import { createConcurrency } from '../../shared/http/concurrency.ts';
import { type Call, serve } from '../../shared/http/http.ts';
import {
  type Claim,
  claimKey,
  type Finished,
  keepClaim,
  readIdempotencyKey,
  releaseKey,
} from '../../shared/http/idempotency-key.ts';
import { notFound, ProblemError } from '../../shared/http/problem.ts';
import { jobColumns } from '../../shared/jobs/job-store.ts';
import { checkLimits, limitsInBrain } from '../../shared/ledger/quota.ts';
import { findsTables, parserOf, remoteParserOf } from '../../shared/parsers.ts';
import type { Database } from '../../shared/postgres/database.ts';
import { OutcomeUnknownError } from '../../shared/postgres/transactions.ts';
import { isMissing } from '../../shared/storage/document-store.ts';
import { documentPrefix, originalKey } from '../../shared/storage/object-keys.ts';
import { documentViews } from '../brains/document-view.ts';
import { findDocument } from '../brains/documents.ts';
import type { Api } from '../context.ts';
import { answerWithJob, answerWithNewJob } from '../jobs/job-answers.ts';
import type { ApiSettings } from '../settings.ts';
import { acceptUpload } from './accept-upload.ts';
import { restoreObject, resume } from './missing-object.ts';
import { watchRate } from './upload-rate.ts';
import { fileName, tooLarge, UploadStream } from './upload-stream.ts';

/** What multipart adds around the file: boundaries and headers. */
const envelopeBytesMax = 64 * 1024;

export function serveUpload(api: Api): void {
  const { app, db, store, settings, transfers } = api;
  const uploads = createConcurrency('uploads', transfers.uploads);

  serve(app, routes.uploadDocument, async (call) => {
    const release = uploads.take(call.identity);
    const rate = watchRate(call.request, settings.UPLOAD_BYTES_MAX, transfers.uploads);
    try {
      return await upload(call, rate.signal);
    } finally {
      rate.stop();
      release();
    }
  });

  /** @param signal aborts when the sender is too slow */
  const upload = async (call: Upload, signal: AbortSignal) => {
    const { identity, params, query, request, reply } = call;
    const { tenantId, keyId } = identity;
    const limits = await limitsInBrain(db, { tenantId, keyId }, params.brain);
    if (query.extract_tables) await requireTables(db, settings, tenantId);
    const length = Number(request.headers['content-length'] ?? 0);
    if (length > settings.UPLOAD_BYTES_MAX + envelopeBytesMax) throw tooLarge(settings.UPLOAD_BYTES_MAX);
    const early = [
      { quota: 'documents_max', adds: 1 },
      { quota: 'bytes_max', adds: 1 },
      { quota: 'pages_per_day_max', adds: 1 },
    ] as const;

    const key = readIdempotencyKey(request.headers['idempotency-key']);
    const claim: Claim | null = key ? { tenantId, route: `uploadDocument ${params.brain}`, key } : null;
    if (claim) reply.header('idempotency-key', claim.key);
    const first = claim && (await claimKey(db, claim));
    if (first) return replay(api, call, first, signal);

    const stopKeeping = claim && keepClaim(db, claim);
    const documentId = uuidv7();
    const objectKey = originalKey(tenantId, documentId);
    let kept = false;
    try {
      await checkLimits(limits, db, { tenantId, keyId }, early, reply);
      const part = await readPart(request, signal);
      const name = fileName(part.filename);
      const content = new UploadStream(name, settings.UPLOAD_BYTES_MAX);
      await receive(part, content, signal, (body) => store.put(objectKey, body));
      const outcome = await acceptUpload(db, reply, {
        documentId,
        tenantId,
        brainId: params.brain,
        name,
        uploadedBy: identity.personId,
        keyId,
        claim,
        extractImages: query.extract_images,
        extractTables: query.extract_tables,
        ...content.result,
      });
      kept = 'job' in outcome;
      if ('job' in outcome) return answerWithNewJob(reply.code(202), outcome.job);
      await restoreObject(api, tenantId, outcome.existingId, objectKey);
      return await existing(api, reply, tenantId, outcome.existingId);
    } catch (error) {
      // The document may stand: then its file must, too. If it does not, the sweep removes the file (document-worker).
      kept ||= error instanceof OutcomeUnknownError;
      throw error;
    } finally {
      stopKeeping?.();
      if (!kept) await forget(api, tenantId, documentId, claim);
    }
  };
}

/** @throws ProblemError `unsupported` before a byte arrives */
async function requireTables(db: Database, settings: ApiSettings, tenantId: string): Promise<void> {
  const { parser: choice } = await db
    .selectFrom('tenants')
    .select('parser')
    .where('id', '=', tenantId)
    .executeTakeFirstOrThrow();
  const parser = parserOf(remoteParserOf(settings), choice, 'application/pdf');
  if (findsTables(parser)) return;
  throw new ProblemError(
    'unsupported',
    `extract_tables is true, but the parser here is '${parser}', which finds no tables. Upload without it, or have a parser set up that does (docs/parsers.md).`,
  );
}

/** What is left of a refused upload. A store that is away must not hide why it was: a sweep and time do it then. */
async function forget({ db, store, log }: Api, tenantId: string, documentId: string, claim: Claim | null) {
  const removed = store.deletePrefix(documentPrefix(tenantId, documentId));
  const released = claim && releaseKey(db, claim);
  for (const result of await Promise.allSettled([removed, released]))
    if (result.status === 'rejected') log.warn({ err: result.reason, documentId }, 'a refused upload left something');
}

type Upload = Call<(typeof Routes)['uploadDocument']>;

async function existing({ db, scheduler }: Api, reply: FastifyReply, tenantId: string, documentId: string) {
  const row = await findDocument(db, tenantId, documentId);
  const [document] = await documentViews(db, [row], scheduler);
  if (!document) throw notFound('document', documentId);
  reply.code(200).header('location', `/v1/documents/${documentId}`);
  return { deduplicated: true as const, document };
}

/** The same key again: its bytes are read to see whether they are the same, and kept only if the first ones are gone. */
async function replay(api: Api, { identity, request, reply }: Upload, first: Finished, signal: AbortSignal) {
  const { store } = api;
  const document = await documentOf(api, identity.tenantId, first);
  const lost = document && (await isMissing(store, document.object_key)) ? document : null;
  const part = await readPart(request, signal);
  const upload = new UploadStream(fileName(part.filename), api.settings.UPLOAD_BYTES_MAX);
  const assertSame = () => {
    if (upload.result.sha256.equals(first.fingerprint)) return;
    throw new ProblemError(
      'key-reused',
      'The first request with this Idempotency-Key carried other bytes. Use a new key.',
    );
  };
  await receive(part, upload, signal, async (body) => {
    if (!lost) return pipeline(body, new Writable({ write: (_chunk, _encoding, done) => done() }));
    // Other bytes fail the stream at its end, and nothing is stored.
    const same = async function* (chunks: AsyncIterable<Buffer>) {
      yield* chunks;
      assertSame();
    };
    await pipeline(body, same, (checked) => store.put(lost.object_key, Readable.from(checked)));
  });
  assertSame();
  if (document) await resume(api, identity.tenantId, document.id, lost !== null);
  reply.header('idempotency-replayed', 'true');
  if (first.response.document_id) return existing(api, reply, identity.tenantId, first.response.document_id);
  const job = await api.db
    .selectFrom('jobs')
    .select(jobColumns)
    .where('id', '=', first.response.job_id as string)
    .where('tenant_id', '=', identity.tenantId)
    .executeTakeFirst();
  if (!job) throw new ProblemError('gone', 'The document of this Idempotency-Key was deleted. Use a new key.');
  return answerWithJob(api, reply.code(202), job);
}

/** The document of a finished request. */
const documentOf = ({ db }: Api, tenantId: string, { response }: Finished) =>
  db
    .selectFrom('documents')
    .select(['id', 'object_key'])
    .where('tenant_id', '=', tenantId)
    .where('deleted_at', 'is', null)
    .where((eb) =>
      response.document_id
        ? eb('id', '=', response.document_id)
        : eb(
            'id',
            '=',
            eb
              .selectFrom('jobs')
              .select('document_id')
              .where('id', '=', response.job_id as string),
          ),
    )
    .executeTakeFirst();

async function readPart(request: FastifyRequest, signal: AbortSignal): Promise<MultipartFile> {
  if (!request.isMultipart())
    throw new ProblemError('unsupported-type', "Send multipart/form-data with the file in the field 'file'.");
  const file = request
    .file({ limits: { files: 1, fields: 5, fileSize: Number.POSITIVE_INFINITY } })
    .catch((error: Error & { statusCode?: number }) => {
      if (error instanceof ProblemError || error.statusCode) throw error;
      // The parser's own errors have no status: no boundary, a part without an end.
      throw new ProblemError('bad-request', `The body is not valid multipart/form-data: ${error.message}.`);
    });
  const part = await Promise.race([file, aborted(signal)]);
  if (part?.fieldname !== 'file') {
    part?.file.resume();
    throw new ProblemError(
      'bad-request',
      `The field is '${part?.fieldname ?? 'missing'}'; the file goes into the field 'file'.`,
    );
  }
  return part;
}

/** Runs the bytes through `upload` into `sink`. After a refusal the rest of the body is read and dropped. */
async function receive(
  part: MultipartFile,
  upload: UploadStream,
  signal: AbortSignal,
  sink: (body: UploadStream) => Promise<void>,
) {
  const stop = () => upload.destroy(signal.reason);
  signal.addEventListener('abort', stop);
  part.file.on('error', (error) => upload.destroy(error));
  // It may fail before the store has begun to read; the sink meets the error then.
  upload.on('error', () => {});
  // A sender that goes away ends the stream without an end.
  part.file.on('close', () => {
    if (!part.file.readableEnded) upload.destroy(new ProblemError('bad-request', 'The upload broke off.'));
  });
  try {
    part.file.pipe(upload);
    await sink(upload);
  } catch (error) {
    part.file.unpipe(upload);
    part.file.resume();
    throw upload.errored ?? error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

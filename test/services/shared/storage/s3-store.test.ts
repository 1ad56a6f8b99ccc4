import { afterAll, beforeAll } from '@jest/globals';
import { type DocumentStore, openDocumentStore } from '../../../../services/shared/storage/document-store.ts';
import { lacksS3, startS3, type TestS3 } from '../../../support/s3.ts';
import { testWith } from '../../../support/skip.ts';
import { documentStoreSuite } from './document-store-suite.ts';

let s3: TestS3;
let store: DocumentStore;
const before = { ...process.env };
beforeAll(async () => {
  if (lacksS3) return;
  s3 = await startS3();
  // As a replica gets them: the store itself takes no credentials.
  Object.assign(process.env, s3.env);
  store = await openDocumentStore(`s3://${s3.bucket}/prefix`);
});
afterAll(async () => {
  process.env = before;
  await s3?.close();
});

documentStoreSuite(
  () => ({
    store,
    objects: (prefix) => s3.objects(`prefix/${prefix}`),
    forget: (key) => s3.forget(`prefix/${key}`),
  }),
  testWith(lacksS3),
);

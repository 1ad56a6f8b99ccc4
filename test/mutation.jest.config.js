/** The tests of what decides and does nothing else, for `npm run mutate`: they need no server and take seconds. */
import config from '../jest.config.js';

const { globalSetup, globalTeardown, reporters, ...plain } = config;

export default {
  ...plain,
  rootDir: '..',
  testMatch: [
    'test/services/shared/scheduler/page-ranges.test.ts',
    'test/services/shared/slots.test.ts',
    'test/constructs/budget.test.ts',
    'test/constructs/pricing/*.test.ts',
    'test/services/chat/decisions.test.ts',
    'test/services/document-worker/chunk-page.test.ts',
  ].map((path) => `<rootDir>/${path}`),
};

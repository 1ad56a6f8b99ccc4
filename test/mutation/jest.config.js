/** The tests of one subject, for `npm run mutate`: pure ones, which need no server. */
import config from '../../jest.config.js';

const { globalSetup, globalTeardown, reporters, ...plain } = config;

export default {
  ...plain,
  rootDir: '../..',
  testMatch: process.env.MUTATION_TESTS?.split(',').map((path) => `<rootDir>/${path}`) ?? [],
};

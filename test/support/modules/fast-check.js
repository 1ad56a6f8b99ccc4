/**
 * What tests get as `fast-check` (jest.config.js): the same cases in every run, so that a run that is red without a change
 * of the code says something. `PROPERTY_SEED=random npm test`, or a number, looks elsewhere.
 */
import fc from '../../../node_modules/fast-check/lib/fast-check.js';

const { PROPERTY_SEED: seed = '1' } = process.env;
if (seed !== 'random') fc.configureGlobal({ seed: Number(seed) });

export * from '../../../node_modules/fast-check/lib/fast-check.js';
export default fc;

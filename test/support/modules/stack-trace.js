/** Instead of cdktf's own, as stacks/bundled.ts does it outside of jest. */
export const captureStackTrace = () => [];

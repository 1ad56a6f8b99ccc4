/** Instead of cdktf's own, as stacks/quick-cdktf.ts does it outside of jest. */
export const captureStackTrace = () => [];

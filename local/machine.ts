/** What must hold on this machine before anything is started. Pure. */

/** The first that runs the project's TypeScript and has every API it uses; `npm ci` brings it, `npm start` uses it. */
export const nodeMajorMin = 24;

/** Why this Node cannot run the project; `undefined` when it can. @param version as `process.versions.node` */
export function oldNode(version: string): string | undefined {
  return Number.parseInt(version, 10) >= nodeMajorMin
    ? undefined
    : `this is Node ${version}, the project needs ${nodeMajorMin} or newer and brings it itself: npm ci && npm start`;
}

/** Why the deployment cannot run on this platform; `undefined` when it can. @param platform as `process.platform` */
export function unsupportedPlatform(platform: string): string | undefined {
  return platform === 'win32'
    ? 'Windows has no process groups and signals as this program needs them; run it inside WSL 2'
    : undefined;
}

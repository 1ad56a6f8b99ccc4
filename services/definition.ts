/** What a service declares of itself. Types only: manifest.ts holds ours. */
import type { SettingName } from './settings.ts';

/** Stores that services may use. Each is a network edge, like a call. */
export type Store = 'postgres' | 'redis' | 'document-store';

/** Paid or foreign endpoints outside the environment that a service may reach. */
export type Egress = 'model' | 'embedding' | 'identity-provider' | 'mail';

export interface ServiceDefinition {
  /**
   * An environment may leave it out. Then nothing of it exists: no process, no image, no address, no edge; who calls it
   * reads '' as its `<NAME>_URL`, so that setting needs the default ''.
   */
  readonly optional?: true;
  /** TCP port inside the tier's own network: the same in a container, a task, a pod and behind the internal balancer. */
  readonly port: number;
  /** Public path patterns; `*` matches any characters, `/` included. The first match in {@link routeTable} wins. */
  readonly routes: readonly string[];
  /** Where below its address callers begin: the end of their `<NAME>_URL`. Absent: at the root. @example '/v1' */
  readonly urlPath?: string;
  /** Answers 200 only when the first request will be as fast as the tenth. */
  readonly healthPath: '/readyz';
  /** Services it sends HTTP requests to. */
  readonly calls: readonly string[];
  readonly uses: readonly Store[];
  readonly egress: readonly Egress[];
  /** Names in {@link settings} that it reads; it sees no other. */
  readonly settings: readonly SettingName[];
  /** Heap of its main process in MiB, where most of the budget belongs to something else. Absent: a share of the budget. */
  readonly heapMiB?: number;
  /** Documents of the largest size that it keeps on its own disk at once. Absent: none. */
  readonly scratchUploads?: number;
  /**
   * How long its work lasts, for machines that tiers share. `interactive`: a few milliseconds for one who waits. `sustained`:
   * can fill its budget for long. `batch`: that too, and nobody waits for a single step of it.
   */
  readonly workload: 'interactive' | 'sustained' | 'batch';
  /** How its image is built. Absent: others build it. */
  readonly build?: ImageBuild;
}

/** What an image holds beside its one bundled file, `services/<name>/main.ts`. */
export interface ImageBuild {
  /** Programs that `main` starts as processes of their own: name of the bundle -> source. */
  readonly children?: Readonly<Record<string, string>>;
  /** Copied as they are: path in the image's /app -> path in the project. */
  readonly files?: Readonly<Record<string, string>>;
  /** npm packages that cannot be bundled; `{arch}` is x64 or arm64. Native code loses its debug symbols. */
  readonly packages?: readonly string[];
  /** The script that makes what `files` copies. */
  readonly prepare?: string;
  /** MiB above the common base that the image may take, with what takes it. */
  readonly budgetMiB: number;
}

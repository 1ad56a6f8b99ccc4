/**
 * What a service declares of itself: what it is, whom it reaches, and how it behaves on the resources that it is given.
 * Types only, of any service, ours (manifest.ts) or somebody else's (constructs/examples): constructs, environments and
 * the local run read these fields and no service's name.
 */

/** Stores that services may use. Each is a network edge, like a call. */
export type Store = 'postgres' | 'redis' | 'document-store';

/** Paid or foreign endpoints outside the environment that our services may reach. */
export type Egress = 'model' | 'embedding' | 'rerank' | 'parser' | 'identity-provider' | 'mail' | 'webhook';

/** Ours name settings of settings.ts and endpoints of {@link Egress} only; somebody else's any variable and endpoint. */
export interface ServiceDefinition<Setting extends string = string, Endpoint extends string = string>
  extends TierProfile<Setting> {
  /**
   * An environment may leave it out. Then nothing of it exists: no process, no image, no address, no edge; who calls it
   * reads '' as its `<NAME>_URL`, so that setting needs the default ''.
   */
  readonly optional?: true;
  /** TCP port inside the tier's own network: the same in a container, a task, a pod and behind the internal balancer. */
  readonly port: number;
  /** Public path patterns; `*` matches any characters, `/` included. The first match in the route table wins. */
  readonly routes: readonly string[];
  /** Where below its address callers begin: the end of their `<NAME>_URL`. Absent: at the root. @example '/v1' */
  readonly urlPath?: string;
  /** Answers 200 only when the first request will be as fast as the tenth. */
  readonly healthPath: string;
  /** Run in its container: exit code 0 while it lives. Absent: the `health.js` of images built here, else none. */
  readonly healthCommand?: readonly string[];
  /** Services it sends HTTP requests to. */
  readonly calls: readonly string[];
  readonly uses: readonly Store[];
  readonly egress: readonly Endpoint[];
  /** Environment variables that it reads, secrets among them; it sees no other. */
  readonly settings: readonly Setting[];
  /** What must succeed before a replica starts, with the same image; replicas that start together may run it at once. */
  readonly initStep?: {
    readonly command: readonly [program: string, ...args: string[]];
    /** What it reads beside the service's own settings, and the service itself must not. */
    readonly settings: readonly Setting[];
  };
  /** How its image is built. Absent: others build it. */
  readonly build?: ImageBuild;
}

/** How a service behaves on the resources that it is given. */
export interface TierProfile<Setting extends string = string> {
  /**
   * How long its work lasts, for machines that tiers share. `interactive`: a few milliseconds for one who waits.
   * `sustained`: can fill its budget for long. `batch`: that too, and nobody waits for a single step of it.
   */
  readonly workload: 'interactive' | 'sustained' | 'batch';
  /** May lose a replica at any moment, so that spot capacity is allowed. */
  readonly interruptible?: true;
  /** Heap of its main process in MiB, where most of the budget belongs to something else. Absent: a share of the budget. */
  readonly heapMiB?: number;
  /** Documents of the largest size that it keeps on its own disk at once. Absent: none. */
  readonly scratchUploads?: number;
  /** Least memory beside `/tmp`: of its main process, and of each that an option asks for. Absent: any budget may be tried. */
  readonly memory?: { readonly mainMiB: number; readonly perOptionMiB: Readonly<Record<string, number>> };
  /** What a placement may say beside its budget, by name. */
  readonly options?: Readonly<Record<string, TierOption<Setting>>>;
  /** How a balancer chooses a replica. @default 'round_robin' */
  readonly balancing?: 'round_robin' | 'least_outstanding_requests';
  /** What more replicas are started for. @default CPU */
  readonly scaling?: ScalingSignal;
  /** Beside those that every tier has: errors, memory, a store away, replicas that do not answer. */
  readonly alarms?: readonly MetricAlarm[];
  /** On the environment's dashboard. */
  readonly charts?: readonly Chart[];
}

/** A number from 1 to `max`, or one of `values`. It reaches the service as a setting, whose default is the option's. */
export type TierOption<Setting extends string = string> = { readonly setting: Setting } & (
  | { readonly max: number }
  | { readonly values: readonly string[] }
);

/** A number, or a share of the value of one of the tier's options, rounded down. */
export type Bound = number | { readonly option: string; readonly percent: number };

export type ScalingSignal = {
  readonly metric: string;
  /** What it counts, as one word of lower-case letters; names the query. @example 'pages' */
  readonly unit: string;
  /** Whose figure the metric is: of the replica that publishes it, or the whole tier's, published by every replica. */
  readonly of: 'replica' | 'tier';
  /** What one replica should carry. */
  readonly perReplica: Bound;
  /**
   * Of a replica's figure, which ends at what it can carry: how much more is asked for. Each one that was refused within a
   * minute counts for so much of the unit.
   */
  readonly refused?: { readonly metric: string; readonly each: number };
};

export interface MetricAlarm {
  /** Unique among the tier's alarms; part of its name. */
  readonly id: string;
  readonly metric: string;
  readonly statistic: 'Average' | 'Maximum';
  readonly above: Bound;
  /** Periods of five minutes in a row. @default 3 */
  readonly periods?: number;
  /** What is wrong, and what to do. */
  readonly description: string;
}

export interface Chart {
  readonly title: string;
  readonly metric: string;
  readonly statistics: readonly ('Average' | 'Maximum')[];
}

/** Services by name. */
export type Definitions<Name extends string = string> = Readonly<Record<Name, ServiceDefinition>>;

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

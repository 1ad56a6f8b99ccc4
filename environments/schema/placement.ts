/** Where a tier runs, and with how much: one type for environments, constructs and prices. */
import { z } from 'zod';
import type { ServiceDefinition, TierOption } from '../../services/definition.ts';
import type { ServiceName, services } from '../../services/manifest.ts';
import { type SettingName, settings } from '../../services/settings.ts';

/** Where a tier runs. `local` is a process of `npm start` and valid in environments with `target: 'local'` only. */
export const platforms = ['local', 'vm', 'ecs', 'kubernetes'] as const;
export type Platform = (typeof platforms)[number];

const count = z.int().positive();

/** Of a placement. */
export const replicasMax = 100;

type Range = { min: number; max: number };

/** `2` is `{ min: 2, max: 2 }`: a fixed count. Preprocessed, so that a fault names its own field. */
const replicas = z.preprocess(
  (given) => (typeof given === 'number' ? { min: given, max: given } : given),
  z.strictObject({ min: count.max(replicasMax), max: count.max(replicasMax) }).refine(({ min, max }) => min <= max, {
    error: ({ input }) =>
      `given min ${(input as Range).min} above max ${(input as Range).max}; allowed: min at most max`,
  }),
) as z.ZodType<Range, number | Range>;

/** A tier's budget and its place. Beside these a placement may say the options of its service's definition. */
export const placementFields = {
  /** The one word of a swap. @example 'vm' */
  platform: z.enum(platforms),
  /** Guaranteed CPUs of one replica. @example 0.5 */
  vcpu: z.number().positive().max(64),
  /** Memory of one replica; it is killed above it. @example 1024 */
  memoryMiB: count.max(524_288),
  /** A fixed count, or a range to scale in. @default 1 */
  replicas: replicas.default({ min: 1, max: 1 }),
  /** Share of the tier's requests, in a list of placements during a live swap. @default 100 */
  weight: z.int().min(0).max(100).default(100),
  /** Share of replicas, in percent, that may run on spot capacity; of interruptible services. @default 0 */
  spotPercent: z.int().min(0).max(100).default(0),
};
const fields = z.strictObject(placementFields);

export type OptionValue = number | string;

/** Checked and complete. */
export interface Placement extends Readonly<z.output<typeof fields>> {
  /** Options of the service's definition that are set; see {@link optionOf}. */
  readonly options: Readonly<Record<string, OptionValue>>;
}

type OptionsOf<Name extends ServiceName> = (typeof services)[Name] extends { readonly options: infer Options }
  ? {
      readonly [Key in keyof Options]?: Options[Key] extends { readonly values: readonly (infer Value)[] }
        ? Value
        : number;
    }
  : unknown;

/** What a person writes for any service: budget and place. */
export type BasePlacementInput = z.input<typeof fields>;
/** What a person writes for this service: its options stand beside budget and place. */
export type PlacementInput<Name extends ServiceName> = BasePlacementInput & OptionsOf<Name>;

/**
 * Placements of a service as a person writes them, checked and complete: one, or a list while a swap is under way.
 *
 * @throws Error naming every fault
 * @example placements('grafana', grafana, { platform: 'ecs', vcpu: 0.25, memoryMiB: 512 })
 */
export const placements = (
  name: string,
  definition: ServiceDefinition,
  given: BasePlacementInput | readonly BasePlacementInput[],
): Placement[] => placementsSchema(name, definition).parse(given);

/** The schema of one placement of a service, or of a list while a swap is under way. */
export function placementsSchema(name: string, definition: ServiceDefinition): z.ZodType<Placement[]> {
  const options = definition.options ?? {};
  const allowed = [...Object.keys(placementFields), ...Object.keys(options)];
  const placement = z
    .strictObject(
      {
        ...placementFields,
        ...Object.fromEntries(Object.entries(options).map(([key, option]) => [key, field(option)])),
      },
      {
        error: (issue) =>
          issue.code === 'unrecognized_keys'
            ? `given ${(issue.keys as string[]).join(', ')}; allowed for ${name}: ${allowed.join(', ')}`
            : undefined,
      },
    )
    .transform((given): Placement => {
      const of = (wanted: (key: string) => boolean) =>
        Object.fromEntries(Object.entries(given).filter(([key, value]) => wanted(key) && value !== undefined));
      return { ...of((key) => !(key in options)), options: of((key) => key in options) } as unknown as Placement;
    });
  return z.preprocess((given) => (Array.isArray(given) ? given : [given]), z.array(placement).min(1).max(3));
}

function field(option: TierOption) {
  return 'max' in option ? count.max(option.max).optional() : z.enum(option.values as [string]).optional();
}

/**
 * The value of a service's option on a placement: as set there, else its setting's default.
 *
 * @throws Error when the service has no such option, or it has neither
 */
export function optionOf({ options = {} }: ServiceDefinition, placement: Pick<Placement, 'options'>, name: string) {
  const option = options[name];
  if (!option) throw new Error(`given option '${name}'; allowed: ${Object.keys(options).join(', ') || 'none'}`);
  const given = placement.options[name];
  if (given !== undefined) return given;
  const { default: otherwise } = (settings as Readonly<Record<string, { default?: string }>>)[option.setting] ?? {};
  if (otherwise === undefined) throw new Error(`option '${name}' is not set and ${option.setting} has no default`);
  return 'max' in option ? Number(otherwise) : otherwise;
}

/** The settings that the options of a placement are. */
export const optionSettings = (
  { options = {} }: ServiceDefinition,
  placement: Pick<Placement, 'options'>,
): Partial<Record<SettingName, OptionValue>> =>
  Object.fromEntries(
    Object.entries(options).flatMap(([name, { setting }]) =>
      placement.options[name] === undefined ? [] : [[setting, placement.options[name]]],
    ),
  );

/**
 * An environment: one typed object that says what runs, where, and with how much. Everything else is derived from it.
 *
 * The page of every setting is schema.ts, what must hold between them rules.ts. {@link resolveEnvironment} checks an object once and fills in the
 * defaults; nothing after it touches the raw object.
 */
import { z } from 'zod';
import { environmentFaults } from './schema/rules.ts';
import { type Environment, type EnvironmentInput, environmentShape } from './schema/schema.ts';

export type { BasePlacementInput, Placement, PlacementInput, Platform } from './schema/placement.ts';
export {
  type Environment,
  type EnvironmentInput,
  placedDefinitions,
  placedServices,
  placementsOf,
} from './schema/schema.ts';

const environmentSchema = environmentShape.superRefine((environment, context) => {
  for (const { path, message } of environmentFaults(environment)) context.addIssue({ code: 'custom', path, message });
});

/**
 * Checks an environment and fills in its defaults.
 *
 * @throws Error naming every fault: where, what was given, what is allowed.
 */
export function resolveEnvironment(input: EnvironmentInput): Environment {
  const result = environmentSchema.safeParse(input);
  if (result.success) return result.data;
  throw new Error(`environment '${input.name}' is not valid:\n${z.prettifyError(result.error)}`);
}

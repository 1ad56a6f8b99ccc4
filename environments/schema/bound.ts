import type { Bound, ServiceDefinition } from '../../services/definition.ts';
import { optionOf, type Placement } from './placement.ts';

/** A bound in numbers, for one placement. */
export function boundOf(bound: Bound, definition: ServiceDefinition, placement: Placement): number {
  if (typeof bound === 'number') return bound;
  return Math.floor((Number(optionOf(definition, placement, bound.option)) * bound.percent) / 100);
}

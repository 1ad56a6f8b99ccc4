/** How tenants share slots. Pure; fleet-script.ts has the same rule for slots that replicas share. */

export interface Share {
  readonly max: number;
  /** Slots of all tenants. */
  readonly taken: number;
  /** Those of the tenant that asks. */
  readonly own: number;
  /** Tenants that have slots, the one that asks counted in. */
  readonly tenants: number;
}

/**
 * Whether a tenant gets one more slot. Nobody who could use a slot is refused for the sake of tenants that do not ask,
 * but for the reserve: an eighth of the slots, at least one where there are two.
 *
 * - A tenant that has its fair share (the rest, divided by the tenants that have slots) or more leaves the reserve free.
 *   What frees then goes to the others until each has its share.
 * - One below its share takes of the reserve too, but leaves half of it to tenants that have no slot at all: they find
 *   one while any number of others flood.
 */
export function admits({ max, taken, own, tenants }: Share): boolean {
  const reserve = reserveOf(max);
  if (own === 0) return taken < max;
  const fair = Math.max(1, Math.floor((max - reserve) / tenants));
  return taken < max - (own < fair ? Math.ceil(reserve / 2) : reserve);
}

/** Slots that no tenant takes alone: room for the first answers of some others, for an eighth of its own speed. */
export const reserveOf = (max: number) => (max > 1 ? Math.ceil(max / 8) : 0);

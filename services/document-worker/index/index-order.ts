/** Which document is indexed next: tenants take turns, and within a tenant the oldest comes first. Pure. */

export interface Waiting {
  readonly id: string;
  readonly documentId: string;
  readonly tenantId: string;
  /** Heavy documents share one slot: the others always have the rest. */
  readonly heavy: boolean;
}

/**
 * Small documents first, whoever's they are, would let the largest wait for as long as anybody uploads small ones.
 *
 * @param waiting those that may start, each tenant's oldest first
 * @param underWay those that run in this process
 * @param served when each tenant last had its turn; who is not in there never had one
 */
export function nextToIndex(
  waiting: readonly Waiting[],
  underWay: readonly Pick<Waiting, 'tenantId' | 'heavy'>[],
  served: ReadonlyMap<string, number>,
): Waiting | undefined {
  const heavyTaken = underWay.some(({ heavy }) => heavy);
  const rank = ({ tenantId, id }: Waiting) =>
    [underWay.filter((other) => other.tenantId === tenantId).length, served.get(tenantId) ?? 0, id] as const;
  return waiting
    .filter(({ heavy }) => !heavy || !heavyTaken)
    .map((one) => ({ one, rank: rank(one) }))
    .sort(
      ({ rank: [running, turn, id] }, { rank: [running2, turn2, id2] }) =>
        running - running2 || turn - turn2 || (id < id2 ? -1 : 1),
    )[0]?.one;
}

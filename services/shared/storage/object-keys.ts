/** Where things stand in the object store. A prefix ends with `/` and can be deleted as a whole. */

export const tenantsPrefix = 'tenants/';
export const tenantPrefix = (tenant: string) => `${tenantsPrefix}${tenant}/`;
export const brainsPrefix = (tenant: string) => `${tenantPrefix(tenant)}brains/`;
export const brainPrefix = (tenant: string, brain: string) => `${brainsPrefix(tenant)}${brain}/`;
/** LanceDB's folder of the brain's chunks. */
export const chunksPrefix = (tenant: string, brain: string) => `${brainPrefix(tenant, brain)}chunks.lance/`;
export const documentsPrefix = (tenant: string) => `${tenantPrefix(tenant)}documents/`;
export const documentPrefix = (tenant: string, document: string) => `${documentsPrefix(tenant)}${document}/`;
/** The file as it was uploaded. */
export const originalKey = (tenant: string, document: string) => `${documentPrefix(tenant, document)}original`;
/** A checkpoint: results of pages `first` to `last` that were read under one grant, see page-results.ts. */
export const pagesKey = (tenant: string, document: string, epoch: number, first: number, last: number) =>
  `${documentPrefix(tenant, document)}pages/${epoch}-${first}-${last}.json.gz`;

/** Whose document an object belongs to; undefined for what belongs to none. */
export const documentOf = (key: string): string | undefined =>
  /^tenants\/[^/]+\/documents\/([0-9a-f-]{36})\//.exec(key)?.[1];

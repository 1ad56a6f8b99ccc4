/** Where things stand in the object store. A prefix ends with `/` and can be deleted as a whole. */

export const tenantPrefix = (tenant: string) => `tenants/${tenant}/`;
export const documentsPrefix = (tenant: string) => `${tenantPrefix(tenant)}documents/`;
export const documentPrefix = (tenant: string, document: string) => `${documentsPrefix(tenant)}${document}/`;
/** The file as it was uploaded. */
export const originalKey = (tenant: string, document: string) => `${documentPrefix(tenant, document)}original`;
/** A checkpoint: results of pages `first` to `last` that were read under one grant, see page-results.ts. */
export const pagesKey = (tenant: string, document: string, epoch: number, first: number, last: number) =>
  `${documentPrefix(tenant, document)}pages/${epoch}-${first}-${last}.json.gz`;

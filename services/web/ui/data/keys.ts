/** Names of what the query cache holds. Events write under the same names that lists read. */
export const keys = {
  me: ['me'] as const,
  methods: ['sign-in-methods'] as const,
  brains: ['brains'] as const,
  models: ['models'] as const,
  documents: (brain: string) => ['documents', brain] as const,
  conversations: (brain: string) => ['conversations', brain] as const,
  conversationSearch: (brain: string, search: string) => ['conversation-search', brain, search] as const,
  conversationState: (conversation: string) => ['conversation-state', conversation] as const,
  turns: (conversation: string) => ['turns', conversation] as const,
  page: (document: string, page: number) => ['page', document, page] as const,
  members: ['members'] as const,
  link: ['link'] as const,
  apiKeys: ['api-keys'] as const,
  tenant: ['tenant'] as const,
  tenants: ['tenants'] as const,
  usage: ['usage'] as const,
};

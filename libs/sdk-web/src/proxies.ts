/** Marks classes that Vue must not wrap in reactive proxies: those break the browser's own objects inside. */
export function excludeFromProxies(...classes: { prototype: object }[]): void {
  for (const { prototype } of classes) Object.defineProperty(prototype, "__v_skip", { value: true });
}

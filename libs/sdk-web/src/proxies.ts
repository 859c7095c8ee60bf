/** Frameworks that wrap what a page holds in proxies break the browser's own objects inside. Vue leaves alone what says so. */
export function keepFromProxies(...classes: { prototype: object }[]): void {
  for (const { prototype } of classes) Object.defineProperty(prototype, "__v_skip", { value: true });
}

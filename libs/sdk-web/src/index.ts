/** Entry of the module for bundlers. Where the gateway is, the page's origin or `server` tells. */
export * from "./public";

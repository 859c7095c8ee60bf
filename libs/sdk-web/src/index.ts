/** Entry of the module for bundlers. The gateway's address is the page's origin, or `server`. */
export * from "./public";

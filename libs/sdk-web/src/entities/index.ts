/** All that the vendor's entities name, and what stands beside it here: types and enumerations. */
export * from "./capture";
export * from "./compositor";
export * from "./copyrighted-music";
export * from "./devices";
export * from "./effects";
export * from "./events";
export * from "./mixing";
export * from "./quality";
export * from "./range-audio";
export * from "./replay";
export * from "./rooms";
export * from "./streams";
export * from "./views";
export * from "./voice";

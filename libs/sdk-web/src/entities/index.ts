/** Every type of the public interface by its name. */
export type * from "./capture";
export type * from "./compositor";
export type * from "./copyrighted-music";
export type * from "./devices";
export type * from "./effects";
export type * from "./events";
export type * from "./mixing";
export type * from "./quality";
export type * from "./range-audio";
export type * from "./replay";
export type * from "./rooms";
export type * from "./streams";
export type * from "./views";
export type * from "./voice";

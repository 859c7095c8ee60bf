/** What pages import from the vendor's zego.entity.web: options of captures, and the scale of qualities. */
export * from "./capture";
export { ExceptionCode, QualityGrade } from "./quality";
export type { ExceptionData } from "./quality";
export { ZegoSEIType } from "./streams";
export { Segmentation } from "./effects";

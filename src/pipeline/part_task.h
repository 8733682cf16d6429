// SPDX-License-Identifier: Apache-2.0
/* What the two sides of parts_by_others.c and part_maker.c must agree on. */
#ifndef POMONA_PIPELINE_PART_TASK_H
#define POMONA_PIPELINE_PART_TASK_H

#define POMI_TASK_FORMAT "pomona-part/1"

#endif

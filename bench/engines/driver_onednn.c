// SPDX-License-Identifier: Apache-2.0
/*
 * oneDNN behind three functions, for bench/engines: the network as a list of convolutions with fused addition and
 * activation, each in the layout that oneDNN chooses for itself. Batch and number of threads are fixed when it is opened.
 */
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <oneapi/dnnl/dnnl.h>

#define MAX_OPERATIONS 256

enum { CONV, DEPTHWISE, MAX_POOL, AVERAGE_POOL };
enum { NONE, RELU, RELU6 };

struct operation {             /* engine_onednn.py has the same */
    int kind, input, residual; /* operations whose output is read; -1: the image, or no residual */
    int last_use;              /* operation that reads the output last */
    int kernel, stride, before, after, in_px, out_px, in_channels, channels, activation;
    const float *weight, *bias; /* OIHW; GOIHW when depthwise */
};

struct call {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[4];
    int n_arguments;
};

struct driver {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct call calls[3 * MAX_OPERATIONS];
    int n_calls, n_threads;
    dnnl_memory_t image, features;
};

static void check(dnnl_status_t status, const char *what)
{
    if (status == dnnl_success) return;
    fprintf(stderr, "oneDNN: %s: status %d\n", what, (int)status);
    exit(1);
}
#define CHECK(call) check(call, #call)

static dnnl_memory_desc_t describe(int n_dims, const dnnl_dims_t dims, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t description;
    CHECK(dnnl_memory_desc_create_with_tag(&description, n_dims, dims, dnnl_f32, tag));
    return description;
}

static dnnl_memory_t memory(const struct driver *driver, const_dnnl_memory_desc_t description, void *data)
{
    dnnl_memory_t made;
    CHECK(dnnl_memory_create(&made, description, driver->engine, data));
    return made;
}

static const_dnnl_memory_desc_t description_of(dnnl_memory_t of)
{
    const_dnnl_memory_desc_t description;
    CHECK(dnnl_memory_get_memory_desc(of, &description));
    return description;
}

static struct call reorder(const struct driver *driver, dnnl_memory_t from, dnnl_memory_t to)
{
    struct call call = {.arguments = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}, .n_arguments = 2};
    dnnl_primitive_desc_t description;
    CHECK(dnnl_reorder_primitive_desc_create(&description, description_of(from), driver->engine,
                                             description_of(to), driver->engine, NULL));
    CHECK(dnnl_primitive_create(&call.primitive, description));
    dnnl_primitive_desc_destroy(description);
    return call;
}

static void execute(const struct driver *driver, const struct call *call)
{
    CHECK(dnnl_primitive_execute(call->primitive, driver->stream, call->n_arguments, call->arguments));
}

/* `from` itself where it has that layout, else a copy that is made at every run. */
static dnnl_memory_t in_layout(struct driver *driver, dnnl_memory_t from, const_dnnl_memory_desc_t wanted)
{
    if (dnnl_memory_desc_equal(description_of(from), wanted)) return from;
    dnnl_memory_t to = memory(driver, wanted, DNNL_MEMORY_ALLOCATE);
    driver->calls[driver->n_calls++] = reorder(driver, from, to);
    return to;
}

static dnnl_primitive_attr_t fused(const struct operation *operation)
{
    dnnl_primitive_attr_t attributes;
    dnnl_post_ops_t post;
    CHECK(dnnl_primitive_attr_create(&attributes));
    CHECK(dnnl_post_ops_create(&post));
    if (operation->residual >= 0) CHECK(dnnl_post_ops_append_sum(post, 1, 0, dnnl_data_type_undef));
    if (operation->activation == RELU6) CHECK(dnnl_post_ops_append_eltwise(post, dnnl_eltwise_clip, 0, 6));
    if (operation->activation == RELU) CHECK(dnnl_post_ops_append_eltwise(post, dnnl_eltwise_relu, 0, 0));
    CHECK(dnnl_primitive_attr_set_post_ops(attributes, post));
    dnnl_post_ops_destroy(post);
    return attributes;
}

static dnnl_memory_t add_convolution(struct driver *driver, const struct operation *o, int index, int batch,
                                     dnnl_memory_t input, dnnl_memory_t residual, int residual_last_use)
{
    const dnnl_dims_t in = {batch, o->in_channels, o->in_px, o->in_px},
                      out = {batch, o->channels, o->out_px, o->out_px};
    const dnnl_dims_t dense = {o->channels, o->in_channels, o->kernel, o->kernel},
                      grouped = {o->channels, 1, 1, o->kernel, o->kernel}, bias = {o->channels};
    const dnnl_dims_t strides = {o->stride, o->stride}, dilates = {0, 0}, before = {o->before, o->before},
                      after = {o->after, o->after};
    int is_grouped = o->kind == DEPTHWISE, n_weight_dims = is_grouped ? 5 : 4;
    const dnnl_dim_t *weight_dims = is_grouped ? grouped : dense;
    dnnl_primitive_desc_t description;
    CHECK(dnnl_convolution_forward_primitive_desc_create(
        &description, driver->engine, dnnl_forward_inference, dnnl_convolution_auto,
        describe(4, in, dnnl_format_tag_any), describe(n_weight_dims, weight_dims, dnnl_format_tag_any),
        describe(1, bias, dnnl_a), describe(4, out, dnnl_format_tag_any), strides, dilates, before, after,
        fused(o)));

    dnnl_memory_t plain_weights =
        memory(driver, describe(n_weight_dims, weight_dims, is_grouped ? dnnl_goihw : dnnl_oihw),
               (void *)(uintptr_t)o->weight);
    dnnl_memory_t weights = memory(
        driver, dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0), DNNL_MEMORY_ALLOCATE);
    struct call packing = reorder(driver, plain_weights, weights);
    execute(driver, &packing);
    CHECK(dnnl_stream_wait(driver->stream));

    input = in_layout(driver, input, dnnl_primitive_desc_query_md(description, dnnl_query_src_md, 0));
    const_dnnl_memory_desc_t layout = dnnl_primitive_desc_query_md(description, dnnl_query_dst_md, 0);
    /* The sum is added onto what is there: in place where nobody reads the residual later. */
    dnnl_memory_t output;
    if (residual != NULL && residual_last_use == index &&
        dnnl_memory_desc_equal(description_of(residual), layout)) {
        output = residual;
    } else {
        output = memory(driver, layout, DNNL_MEMORY_ALLOCATE);
        if (residual != NULL) driver->calls[driver->n_calls++] = reorder(driver, residual, output);
    }
    struct call call = {
        .arguments = {{DNNL_ARG_SRC, input},
                      {DNNL_ARG_WEIGHTS, weights},
                      {DNNL_ARG_BIAS, memory(driver, describe(1, bias, dnnl_a), (void *)(uintptr_t)o->bias)},
                      {DNNL_ARG_DST, output}},
        .n_arguments = 4};
    CHECK(dnnl_primitive_create(&call.primitive, description));
    dnnl_primitive_desc_destroy(description);
    driver->calls[driver->n_calls++] = call;
    return output;
}

static dnnl_memory_t add_pooling(struct driver *driver, const struct operation *o, int batch,
                                 dnnl_memory_t input)
{
    const dnnl_dims_t out = {batch, o->channels, o->out_px, o->out_px}, kernel = {o->kernel, o->kernel};
    const dnnl_dims_t strides = {o->stride, o->stride}, dilates = {0, 0}, before = {o->before, o->before},
                      after = {o->after, o->after};
    dnnl_alg_kind_t kind = o->kind == MAX_POOL ? dnnl_pooling_max : dnnl_pooling_avg_exclude_padding;
    dnnl_primitive_desc_t description;
    CHECK(dnnl_pooling_forward_primitive_desc_create(
        &description, driver->engine, dnnl_forward_inference, kind, description_of(input),
        describe(4, out, dnnl_format_tag_any), strides, kernel, dilates, before, after, NULL));
    dnnl_memory_t output =
        memory(driver, dnnl_primitive_desc_query_md(description, dnnl_query_dst_md, 0), DNNL_MEMORY_ALLOCATE);
    struct call call = {.arguments = {{DNNL_ARG_SRC, input}, {DNNL_ARG_DST, output}}, .n_arguments = 2};
    CHECK(dnnl_primitive_create(&call.primitive, description));
    dnnl_primitive_desc_destroy(description);
    driver->calls[driver->n_calls++] = call;
    return output;
}

/* The image is NHWC. Ends the process with a message when oneDNN refuses something: this is a benchmark. */
struct driver *driver_open(const struct operation *operations, int n_operations, int input_px, int batch,
                           int n_threads)
{
    struct driver *driver = calloc(1, sizeof *driver);
    dnnl_memory_t outputs[MAX_OPERATIONS];
    if (driver == NULL || n_operations > MAX_OPERATIONS) return NULL;
    driver->n_threads = n_threads;
    omp_set_num_threads(n_threads);
    CHECK(dnnl_engine_create(&driver->engine, dnnl_cpu, 0));
    CHECK(dnnl_stream_create(&driver->stream, driver->engine, dnnl_stream_default_flags));
    const dnnl_dims_t image = {batch, 3, input_px, input_px};
    driver->image = memory(driver, describe(4, image, dnnl_nhwc), DNNL_MEMORY_NONE);
    for (int i = 0; i < n_operations; i++) {
        const struct operation *o = &operations[i];
        dnnl_memory_t input = o->input >= 0 ? outputs[o->input] : driver->image;
        dnnl_memory_t residual = o->residual >= 0 ? outputs[o->residual] : NULL;
        outputs[i] = o->kind == CONV || o->kind == DEPTHWISE
                         ? add_convolution(driver, o, i, batch, input, residual,
                                           o->residual >= 0 ? operations[o->residual].last_use : -1)
                         : add_pooling(driver, o, batch, input);
    }
    const dnnl_dims_t features = {batch, operations[n_operations - 1].channels, 1, 1};
    driver->features = memory(driver, describe(4, features, dnnl_nchw), DNNL_MEMORY_NONE);
    driver->calls[driver->n_calls++] = reorder(driver, outputs[n_operations - 1], driver->features);
    return driver;
}

/* image[batch][y][x][3] -> features[batch][n] */
void driver_run(struct driver *driver, float *image, float *features)
{
    omp_set_num_threads(driver->n_threads);
    CHECK(dnnl_memory_set_data_handle(driver->image, image));
    CHECK(dnnl_memory_set_data_handle(driver->features, features));
    for (int i = 0; i < driver->n_calls; i++) execute(driver, &driver->calls[i]);
    CHECK(dnnl_stream_wait(driver->stream));
}

const char *driver_version(void)
{
    static char text[32];
    const dnnl_version_t *version = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
    return text;
}

/* A driver without a device: it tells the test what it is told, and hands launches on. */
#include <cuda.h>
#include <string.h>

typedef void (*launched_t)(CUfunction, const CUlaunchConfig *, void **);
typedef CUfunction (*named_t)(CUmodule, const char *);
typedef CUmodule (*loaded_t)(const void *);
typedef void (*attribute_t)(CUfunction, int, int);

static launched_t on_launch;
static named_t on_function;
static loaded_t on_load;
static attribute_t on_attribute;

void fake_tell(loaded_t load, named_t function, attribute_t attribute, launched_t launch) {
  on_load = load;
  on_attribute = attribute;
  on_function = function;
  on_launch = launch;
}

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  *module = on_load(image);
  return CUDA_SUCCESS;
}
CUresult cuModuleGetFunction(CUfunction *found, CUmodule module, const char *name) {
  *found = on_function(module, name);
  return *found ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}
CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction f, void **params, void **extra) {
  (void)extra;
  on_launch(f, config, params);
  return CUDA_SUCCESS;
}
CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                        unsigned by, unsigned bz, unsigned shared, CUstream stream, void **params,
                        void **extra) {
  CUlaunchConfig config = {gx, gy, gz, bx, by, bz, shared, stream, 0, 0};
  (void)extra;
  on_launch(f, &config, params);
  return CUDA_SUCCESS;
}
CUresult cuPointerGetAttribute(void *data, CUpointer_attribute attribute, CUdeviceptr pointer) {
  (void)attribute;
  memcpy(data, &pointer, sizeof pointer);
  return CUDA_SUCCESS;
}
CUresult cuCtxGetCurrent(CUcontext *context) {
  *context = (CUcontext)1;
  return CUDA_SUCCESS;
}
CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction f) {
  (void)f;
  *value = attribute == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK ? 1024 : 0;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  (void)device;
  *value = attribute == CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN ? 232448 : 1024;
  return CUDA_SUCCESS;
}
CUresult cuGetErrorString(CUresult error, const char **text) {
  (void)error;
  *text = "a fault of the fake";
  return CUDA_SUCCESS;
}
CUresult cuFuncSetAttribute(CUfunction f, CUfunction_attribute attribute, int value) {
  on_attribute(f, attribute, value);
  return CUDA_SUCCESS;
}
#define NOTHING(name, ...) \
  CUresult name(__VA_ARGS__) { return CUDA_SUCCESS; }
NOTHING(cuInit, unsigned a)
NOTHING(cuDriverGetVersion, int *a)
NOTHING(cuDeviceGet, CUdevice *a, int b)
NOTHING(cuDevicePrimaryCtxRetain, CUcontext *a, CUdevice b)
NOTHING(cuCtxSetCurrent, CUcontext a)
NOTHING(cuCtxGetLimit, size_t *a, CUlimit b)
NOTHING(cuCtxSetLimit, CUlimit a, size_t b)
NOTHING(cuFuncSetCacheConfig, CUfunction a, CUfunc_cache b)
NOTHING(cuOccupancyMaxActiveClusters, int *a, CUfunction b, const CUlaunchConfig *c)

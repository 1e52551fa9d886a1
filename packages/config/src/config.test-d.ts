import type { SluiceOptions } from '@sluice/core/http'
import type { Request } from 'express'
import type { FastifyRequest } from 'fastify'
import type { Context } from 'koa'
import type { Config, ConfigRequest } from './config.ts'

/** A request of each framework is what sources read, so that one configuration serves all of them. */
export const requests = (one: Request, two: FastifyRequest, three: Context): ConfigRequest[] => [one, two, three]

export const express = (config: Config): SluiceOptions<Request> => config
export const fastify = (config: Config): SluiceOptions<FastifyRequest> => config
export const koa = (config: Config): SluiceOptions<Context> => config
